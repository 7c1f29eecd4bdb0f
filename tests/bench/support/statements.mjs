// The limit of a call: pgbench with the very statements that the service sends for it. They are read from the wire during
// one real call, and become a script in which what was particular to that call varies as the load varies it.
import { run } from './processes.mjs';

// The round trips of the one connection that did the call of an account; not what else the service did on it meanwhile.
function roundTripsOf(connections, account) {
  const isOfCall = (transaction) =>
    transaction.flat().some(({ values }) => values.some((value) => value?.includes(account)));
  const found = connections.map((transactions) => transactions.filter(isOfCall)).filter((its) => its.length > 0);
  if (found.length !== 1) throw new Error(`the statements of one call are of ${found.length} connections`);
  return found[0].flat();
}

// The types of a statement's parameters, as PostgreSQL infers them.
async function typesOf(psql, sql) {
  const output = await run('psql', [
    ...psql,
    '-c',
    `PREPARE it AS ${sql}`,
    '-c',
    "SELECT array_to_json(parameter_types::text[]) FROM pg_prepared_statements WHERE name = 'it'",
  ]);
  return JSON.parse(output.trim().split('\n').at(-1));
}

const isNow = (text) =>
  /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/.test(text) && Math.abs(Date.parse(text) - Date.now()) < 60_000;

// A value as an SQL expression of pgbench's variables. What is the same in every call stays a parameter that is sent.
function expressionOf(value, type, markers, constants) {
  if (value === null || value === undefined) return `NULL::${type}`;
  if (isNow(value)) return `now()::${type}`;
  const element = /^\{"?([^,"{}]*)"?\}$/.exec(value);
  if (element && isNow(element[1])) return `ARRAY[now()]::${type}`;
  const constant = (text) => {
    if (!constants.includes(text)) constants.push(text);
    return `:c${constants.indexOf(text)}`;
  };
  const pieces = [];
  const pattern = new RegExp(markers.map(([text]) => `(${text})`).join('|'), 'gi');
  let end = 0;
  for (const match of value.matchAll(pattern)) {
    if (match.index > end) pieces.push(constant(value.slice(end, match.index)));
    const which = match.slice(1).findIndex((text) => text !== undefined);
    const [, variable, prefixed = ''] = markers[which];
    const prefix = match[0].slice(0, prefixed.length); // in the case in which it was
    if (prefix) pieces.push(constant(prefix));
    pieces.push(`:${variable}`);
    end = match.index + match[0].length;
  }
  if (pieces.length === 0) return `${constant(value)}::${type}`;
  if (end < value.length) pieces.push(constant(value.slice(end)));
  const text = pieces.map((piece) => `${piece}::text`).join(' || ');
  return type === 'text' && pieces.length === 1 ? text : `(${text})::${type}`;
}

// A script for pgbench, and what its constants are: {script, constants}. `markers`: [pattern, variable, prefix], what to
// replace, prefix apart, by which of the variables that `sets` set.
async function scriptOf(psql, roundTrips, markers, sets) {
  const constants = [];
  const lines = [...sets];
  for (const statements of roundTrips) {
    if (statements.length > 1) lines.push('\\startpipeline');
    for (const { sql, values } of statements) {
      const types = values.length > 0 ? await typesOf(psql, sql) : [];
      lines.push(
        `${sql.replaceAll('\n', ' ').replaceAll(/\$(\d+)/g, (_, n) => expressionOf(values[n - 1], types[n - 1], markers, constants))};`,
      );
    }
    if (statements.length > 1) lines.push('\\endpipeline');
  }
  return { script: `${lines.join('\n')}\n`, constants };
}

// What a script's statements answer for one choice, by psql.
function answerOf(psql, { script, constants }, choice) {
  const values = { ...choice, ...Object.fromEntries(constants.map((value, i) => [`c${i}`, value])) };
  const statements = script.split('\n').filter((text) => !text.startsWith('\\'));
  const quoted = (name) => `'${values[name].replaceAll("'", "''")}'`;
  return run('psql', psql, { input: statements.join('\n').replaceAll(/(?<!:):(\w+)/g, (_, name) => quoted(name)) });
}

// Records what one call makes the service send, which works on the database through `wire` (tap). `call` does it and gives
// what it was about (bench_driver --calls); it is done some times before, so that the service's connection knows its
// statements and its caller. `found`, of a call that reads: a pattern, and how often it must be in what the script then
// answers.
export async function record({ psql, wire, call, markersOf, sets, found }) {
  await call(3);
  wire.take();
  const choice = await call(1);
  const roundTrips = roundTripsOf(wire.take(), choice.account);
  const recorded = await scriptOf(psql, roundTrips, markersOf(choice), sets);
  if (found) {
    const [pattern, least] = found(choice);
    const times = [...(await answerOf(psql, recorded, choice)).matchAll(pattern)].length;
    if (times < least) throw new Error(`the recorded statements find ${times} of ${least}:\n${recorded.script}`);
  }
  return { ...recorded, roundTrips: roundTrips.length };
}
