// The limit of a call: pgbench with the very statements that the service sends for it. They are taken from PostgreSQL's log
// of one real call, and become a script in which what was particular to that call varies as the load varies it.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { run } from './processes.mjs';

// The entries of PostgreSQL's log from an offset on, which must have log_line_prefix '%p ': [{pid, level, text}].
function entriesOf(path, from) {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(fstatSync(file).size - from);
  readSync(file, bytes, 0, bytes.length, from);
  closeSync(file);
  const entries = [];
  for (const line of bytes.toString().split('\n')) {
    const entry = /^(\d+) ([A-Z]+): {2}(.*)$/.exec(line);
    if (entry) entries.push({ pid: entry[1], level: entry[2], text: entry[3] });
    else if (line.startsWith('\t') && entries.length > 0) entries.at(-1).text += `\n${line.slice(1)}`;
  }
  return entries;
}

// [{sql, values}] of the one connection that did the call of an account, in their order. One round trip of several
// statements has `together`.
function statementsIn(entries, account) {
  const pids = new Set(
    entries.filter(({ level, text }) => level === 'DETAIL' && text.includes(account)).map(({ pid }) => pid),
  );
  if (pids.size !== 1) throw new Error(`the statements of one call are of ${pids.size} connections`);
  const statements = [];
  for (const { pid, level, text } of entries) {
    if (!pids.has(pid)) continue;
    const prepared = /^execute [^:]+: ([^]*)$/.exec(text);
    const simple = /^statement: ([^]*)$/.exec(text);
    if (level === 'LOG' && prepared) statements.push({ sql: prepared[1], values: [] });
    if (level === 'LOG' && simple) {
      const parts = simple[1]
        .split(';')
        .map((part) => part.trim())
        .filter(Boolean);
      statements.push({ together: parts.map((sql) => ({ sql, values: [] })) });
    }
    if (level === 'DETAIL' && text.startsWith('parameters: ')) {
      const values = statements.at(-1).values;
      for (const [, number, value, quoted] of text.matchAll(/\$(\d+) = (NULL|'((?:[^']|'')*)')/g)) {
        values[number - 1] = value === 'NULL' ? null : quoted.replaceAll("''", "'");
      }
    }
  }
  return statements;
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
async function scriptOf(psql, statements, markers, sets) {
  const constants = [];
  const lines = [...sets];
  const add = async ({ sql, values }) => {
    const types = values.length > 0 ? await typesOf(psql, sql) : [];
    lines.push(
      `${sql.replaceAll('\n', ' ').replaceAll(/\$(\d+)/g, (_, n) => expressionOf(values[n - 1], types[n - 1], markers, constants))};`,
    );
  };
  for (const statement of statements) {
    if (!statement.together) {
      await add(statement);
    } else if (statement.together.length === 1) {
      await add(statement.together[0]);
    } else {
      lines.push('\\startpipeline'); // one round trip
      for (const part of statement.together) await add(part);
      lines.push('\\endpipeline');
    }
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

// Records what one call makes the service send. `call` does it and gives what it was about (bench_driver --calls); it is
// done some times before, so that the service's connection knows its statements and its caller. `found`, of a call that
// reads: a pattern, and how often it must be in what the script then answers.
export async function record({ psql, log, call, markersOf, sets, found }) {
  await call(3);
  const from = readFileSync(log).length;
  const choice = await call(1);
  const statements = statementsIn(entriesOf(log, from), choice.account);
  const recorded = await scriptOf(psql, statements, markersOf(choice), sets);
  if (found) {
    const [pattern, least] = found(choice);
    const times = [...(await answerOf(psql, recorded, choice)).matchAll(pattern)].length;
    if (times < least) throw new Error(`the recorded statements find ${times} of ${least}:\n${recorded.script}`);
  }
  return { ...recorded, statements: statements.length };
}
