// make cost: counts the instructions of one call of each kind by callgrind, and compares them with
// tests/bench/budget.json.
//
//   node tests/bench/cost/cost.mjs BUILD-FOLDER REPORT-FOLDER [--only NAME,...] [--write] [--calls 200] [--poold FILE]
//
// What is counted, and how, is in tests/bench/README.md.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeCallers } from '../support/callers.mjs';
import { shareEqually } from '../support/control_group.mjs';
import { run, start } from '../support/processes.mjs';
import { makeScratch, say } from '../support/scratch.mjs';
import { describeByAws } from './aws.mjs';
import { budgetOf, compare, dearest, textOf } from './budget.mjs';
import { perCall, readProfile } from './profile.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    calls: { type: 'string', default: '200' },
    poold: { type: 'string' },
  },
});
const [build, reports] = positionals.map((folder) => path.resolve(folder));
const here = path.dirname(fileURLToPath(import.meta.url));
const budgetFile = path.resolve(here, '../budget.json');
const calls = Number(options.calls);
const poold = path.resolve(options.poold ?? path.join(build, 'poold'));

// ---- What is counted

// Functions that do not call each other: counting begins when one of them begins, and ends when it ends. Everything on
// gRPC's threads from the moment that it hands over a call ...
const admission = ['poold::Pipeline::Start(poold::Call&)'];
// ... instead of it, for the AWS endpoint, everything that a connection's strand runs: when something has arrived or has been
// sent, or the call has finished. What brings it there waits for the socket ...
const http = ['boost::asio::detail::executor_op<boost::asio::detail::strand_executor_service::invoker<*::do_complete(*'];
// ... and on the workers', from the moment that they have a call.
const execution = ['std::_Function_handler<*poold::Pipeline::Pipeline(*::_M_invoke(*'];
// What these call is left out: called by one of the others, they end counting, and it goes on when they end. gRPC sends an
// answer on the thread that gives it, or on another one that is sending anyway, as chance has it.
const leftOut = ['grpc::ServerUnaryReactor::Finish(grpc::Status)'];

const usual = ['--throttle', '1000000', '--quota-pools', '1000000', '--database-connections', '4'];
const servers = {
  usual: { flags: usual, counted: [...admission, ...execution, ...leftOut] },
  // Has room for one call at work and one that waits, and both of them have time.
  full: {
    flags: [
      ...['--throttle', '1000000', '--database-connections', '1', '--queue-capacity', '1'],
      ...['--default-deadline', '5m', '--greatest-deadline', '5m'],
    ],
    counted: [...admission, ...execution, ...leftOut],
  },
  // A token every thousand seconds.
  throttled: { flags: ['--throttle', '0.001', '--database-connections', '4'], counted: [...admission, ...execution, ...leftOut] },
  aws: { flags: usual, counted: [...http, ...execution] },
};

// The lines of the report, by the names that --only takes.
const driven = (operation, more = {}) => (server, count) => drive(server, { operation, calls: count, ...more });
const throttled = { refused: 'ThrottlingException', 'one-account': true };
const lines = {
  lookup: { title: 'DescribePools by id', server: 'usual', load: driven('describe') },
  page: { title: 'DescribePools, page of 100 with two filters', server: 'usual', load: driven('page') },
  members: { title: 'ListPoolOriginationIdentities, 100 members', server: 'usual', load: driven('members') },
  // How often malloc has to search varies more here than elsewhere.
  create: { title: 'CreatePool with token and tag', server: 'usual', load: driven('create'), times: 2 },
  associate: { title: 'AssociateOriginationIdentity', server: 'usual', load: driven('associate') },
  update: { title: 'UpdatePool', server: 'usual', load: driven('update') },
  invalid: { title: 'Refused by validation: CreatePool', server: 'usual', refused: true, load: driven('invalid') },
  throttled: {
    title: 'Refused by throttle: DescribePools by id',
    refused: true,
    server: 'throttled',
    prepare: (server) => drive(server, { operation: 'describe', calls: 1, 'one-account': true }),
    load: driven('describe', throttled),
  },
  'queue-full': {
    title: 'Refused by a full queue: DescribePools by id',
    refused: true,
    server: 'full',
    prepare: fillQueue,
    load: driven('describe', throttled),
  },
  aws: {
    title: 'DescribePools by id over the AWS endpoint, signed',
    server: 'aws',
    load: (server, count) => describeByAws(server.http, callers[0], 'pool-00000000000001000000000000000001', count),
  },
};
const only = options.only?.split(',') ?? Object.keys(lines);
const unknown = only.filter((name) => !(name in lines));
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(',')}: not among ${Object.keys(lines).join(', ')}`);
  process.exit(2);
}

// ---- What is started

const { work, emptyFolder } = makeScratch('cost', reports);
const logs = emptyFolder('logs');
const profiles = emptyFolder('profiles'); // for callgrind_annotate and KCachegrind

shareEqually(); // else each process of PostgreSQL would weigh as much as all of poold
const postgres = await start(path.join(logs, 'postgres.log'), path.join(build, 'bench_postgres'), [
  path.join(work, 'postgres'),
  // Its time is not counted.
  'fsync=off',
]);
const database = postgres.ready;
const psql = [database, '-XqAt', '-v', 'ON_ERROR_STOP=1'];
const { callers, keys, access } = makeCallers(work, 4);
const data = { accounts: 4, pools: 500, sender_ids: 100, members: 100, member_numbers: 50, member_step: 500 };
await run(poold, ['migrate', '--database-url', database]);
await run('psql', [
  ...psql,
  ...Object.entries({ ...data, phone_numbers: 10 * calls }).flatMap(([name, value]) => ['-v', `${name}=${value}`]),
  ...['-f', path.resolve(here, '../data.sql')],
]);

// `poold serve` under callgrind, with all that a call can pass through. Of tracing the decision is made for each call, and
// is always no: with spans a call would cost now more, now less.
async function serve(name) {
  const { flags, counted } = servers[name];
  const file = path.join(profiles, name);
  const listen = ['--grpc-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0'];
  const server = await start(
    path.join(logs, `${name}.log`),
    'valgrind',
    [
      ...['--tool=callgrind', `--callgrind-out-file=${file}`, '--separate-threads=no', '--fair-sched=try'],
      ...['--compress-strings=no', '--compress-pos=no', '--dump-line=no'],
      ...['--collect-atstart=no', ...counted.map((pattern) => `--toggle-collect=${pattern}`)],
      ...[poold, 'serve', '--database-url', database, '--access-file', access, ...listen, ...flags],
    ],
    {
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0',
      },
    },
  );
  let dumps = 0;
  return {
    ...server,
    address: /grpc=(\S+)/.exec(server.ready)[1],
    http: /http=(\S+)/.exec(server.ready)[1],
    // What was counted since the last time, also as a file of this name.
    async profile(its) {
      await run('callgrind_control', ['--dump', String(server.pid)]);
      renameSync(`${file}.${++dumps}`, path.join(profiles, its));
      return readProfile(readFileSync(path.join(profiles, its), 'utf8'));
    },
  };
}

let runs = 0; // a seed for each
let numbersUsed = 0;

// So many calls, one after the other, on one connection. Throws unless each is answered as it must be.
async function drive(server, load) {
  const settings = {
    address: server.address,
    keys,
    accounts: data.accounts,
    pools: data.pools,
    'sender-ids': data.sender_ids,
    members: data.members,
    'member-step': data.member_step,
    'first-number': numbersUsed,
    seed: ++runs,
    ...load,
  };
  if (load.operation === 'associate') numbersUsed += load.calls;
  await run(
    path.join(build, 'bench_driver'),
    Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
  );
}

// Two calls that end when the table is unlocked: one at work, one that waits. Gives what unlocks it.
async function fillQueue(server) {
  const input = 'BEGIN; LOCK TABLE pools IN ACCESS EXCLUSIVE MODE;\n\\echo ready now\n';
  const lock = await start(path.join(logs, 'lock.log'), 'psql', psql, { input });
  drive(server, { operation: 'describe', connections: 1, streams: 2, seconds: 600, 'warm-up': 0 }).catch(() => {});
  for (let waiting = 0; waiting < 1; ) {
    const metrics = await fetch(`http://${server.http}/metrics`).then((answer) => answer.text());
    waiting = Number(/^poold_queue_length (\d+)/m.exec(metrics)[1]);
  }
  return () => lock.stop();
}

// ---- Counting

const results = {};
for (const name of Object.keys(servers)) {
  const its = only.filter((line) => lines[line].server === name);
  if (its.length === 0) continue;
  const server = await serve(name);
  say(`${name}: poold is ready after ${(server.milliseconds / 1000).toFixed(0)} s`);
  for (const line of its) {
    const { prepare, load, refused, times = 1 } = lines[line];
    const count = times * calls;
    const undo = await prepare?.(server);
    await load(server, Math.max(20, Math.ceil(count / 3))); // accounts, statements and connections become known
    await server.profile(`${line}-warm-up`);
    await load(server, count);
    const once = await server.profile(`${line}-once`);
    await load(server, 2 * count);
    results[line] = perCall(once, await server.profile(`${line}-twice`), count);
    say(`${line}: ${results[line].instructions}`);
    const missing = ['Pipeline::Start', ...(refused ? [] : ['storage::Session::RunSteps'])].filter(
      (function_) => !(results[line].functions[function_]?.all > 0),
    );
    if (missing.length > 0) throw new Error(`${missing.join(', ')} should be part of ${line}, but was not counted`);
    await undo?.();
  }
  await server.stop('SIGKILL');
}
await postgres.stop();

// ---- The report

const budgets = JSON.parse(readFileSync(budgetFile, 'utf8'));
const number = (value) => value.toLocaleString('en');
const percent = (value, of) => `${value >= of ? '+' : '-'}${Math.abs((value / of - 1) * 100).toFixed(1)} %`;
const table = ['| what (`ONLY=`) | instructions | budget | difference |', '| --- | ---: | ---: | ---: |'];
const functions = ['| what | function | own | with what it calls | itself |', '| --- | --- | ---: | ---: | ---: |'];
const verdicts = [];
let failed = false;
for (const line of only) {
  const result = results[line];
  const budget = budgets[line];
  const { verdict, grown } = compare(budget, result);
  const title = `${lines[line].title} (\`${line}\`)`;
  const difference = budget ? [number(budget.instructions), percent(result.instructions, budget.instructions)] : ['', ''];
  table.push(`| ${[title, number(result.instructions), ...difference].join(' | ')} |`);
  for (const [name, { own, all, self }] of dearest(result.functions).slice(0, 5)) {
    functions.push(`| ${[line, name, ...[own, all, self].map(number)].join(' | ')} |`);
  }
  if (verdict === 'over') {
    failed = true;
    verdicts.push(
      `**${line} is over its budget** (${difference[1]}). What grew most:`,
      ...grown.map(({ name, from, to }) => `  - ${name}: ${number(from)} -> ${number(to)}`),
    );
  }
  if (verdict === 'under') verdicts.push(`${line} is below its budget (${difference[1]}), which may be lowered.`);
  if (verdict === 'none') verdicts.push(`${line} has no budget yet.`);
}
const report = [
  '# Cost of a call',
  '',
  ...table,
  '',
  'Own: a function with the libraries that it calls, but without other functions of ours.',
  '',
  ...functions,
  '',
  ...verdicts,
  '',
].join('\n');
writeFileSync(path.join(reports, 'report.md'), report);
writeFileSync(path.join(reports, 'report.json'), `${JSON.stringify(results, null, 2)}\n`);
console.log(`\n${report}`);
if (options.write) {
  for (const line of only) budgets[line] = budgetOf(results[line]);
  writeFileSync(budgetFile, textOf(Object.fromEntries(Object.keys(lines).filter((line) => line in budgets).map((line) => [line, budgets[line]]))));
  say(`wrote ${path.relative(process.cwd(), budgetFile)}`);
} else if (failed) {
  process.exitCode = 1;
}
