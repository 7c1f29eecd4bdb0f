// Whether a call costs what it may. Pure functions.

const tolerance = 0.03;
// A function that costs less of its line is not worth a row in the budget.
const least = 0.005;

// The functions of a line, dearest first: [name, cost].
export const dearest = (functions) => Object.entries(functions).sort(([, a], [, b]) => b.own - a.own);

// The budget of a line: {instructions, functions}, the latter with what each function costs, other functions of ours
// that it calls apart.
export function budgetOf({ instructions, functions }) {
  const kept = dearest(functions).filter(([, { own }]) => own >= least * instructions);
  return { instructions, functions: Object.fromEntries(kept.map(([name, { own }]) => [name, own])) };
}

// Compares what a line costs with its budget (undefined: it has none). Gives {verdict, grown}: 'none', 'over', 'under' or
// 'within', and the five functions that grew most: {name, from, to}. A function that the budget does not name cost nearly
// nothing.
export function compare(budget, { instructions, functions }) {
  if (!budget) return { verdict: 'none', grown: [] };
  const names = new Set([...Object.keys(budget.functions), ...Object.keys(functions)]);
  const grown = [...names]
    .map((name) => ({ name, from: budget.functions[name] ?? 0, to: functions[name]?.own ?? 0 }))
    .filter(({ from, to }) => to - from >= least * budget.instructions)
    .sort((a, b) => b.to - b.from - (a.to - a.from))
    .slice(0, 5);
  const ratio = instructions / budget.instructions;
  return { verdict: ratio > 1 + tolerance ? 'over' : ratio < 1 - tolerance ? 'under' : 'within', grown };
}

// As JSON with a function a line, so that a change of the budget shows what changed.
export const textOf = (budget) => `${JSON.stringify(budget, null, 2)}\n`;
