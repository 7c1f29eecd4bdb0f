// Medians, spreads, the table.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const rounded = (value) => Number(value.toPrecision(4));

// A line of the report. `values`, `limits`: of the rounds, or a limit that is the same for all of them. The ratio is the
// median of the rounds' ratios, since the machine may be slower in one of them. `must`: what it must be, at least or
// (`atMost`) at most; left out for what is only told.
export function line({ name, values, unit, limits, must, atMost = false, note }) {
  const value = median(values);
  const limit = limits ? median(limits) : null;
  const ratio = limit ? median(values.map((each, round) => each / (limits[round] ?? limit))) : null;
  return {
    name,
    value: rounded(value),
    unit,
    limit: limit && rounded(limit),
    ratio: ratio && rounded(ratio),
    must: must ?? null,
    sense: must === undefined ? null : atMost ? '<=' : '>=',
    met: must === undefined ? null : atMost ? ratio <= must : ratio >= must,
    spread: rounded((Math.max(...values) - Math.min(...values)) / (value || 1)),
    rounds: values.map(rounded),
    note,
  };
}

const number = (value) => (value === null ? '' : value >= 100 ? Math.round(value).toLocaleString('en') : String(value));

export function markdown({ title, about, lines }) {
  const rows = lines.map((row) =>
    [
      row.name,
      `${number(row.value)} ${row.unit}`,
      `${Math.round(row.spread * 100)} %`,
      number(row.limit),
      row.ratio === null ? '' : row.ratio.toFixed(2),
      row.must === null ? '' : `${row.sense} ${row.must}`,
      row.met === null ? '' : row.met ? 'yes' : '**no**',
    ].join(' | '),
  );
  const notes = lines.filter((row) => row.note).map((row) => `- ${row.name}: ${row.note}`);
  return [
    `# ${title}`,
    '',
    '| what | median | spread | limit | ratio | must be | met |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
    'Spread: greatest less least of the rounds, in parts of the median. Ratio: the median of those of the rounds.',
    '',
    ...notes,
    '',
    '## How it was measured',
    '',
    ...about.map((text) => `- ${text}`),
    '',
  ].join('\n');
}
