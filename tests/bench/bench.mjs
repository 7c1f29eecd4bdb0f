// make bench: measures poold beside its limits and a peer, all on this machine in one run, and writes report.md and
// report.json.
//
//   node tests/bench/bench.mjs BUILD-FOLDER REPORT-FOLDER [--quick] [--seconds 3] [--rounds 3] [--only NAME,...]
//
// Who measures whom is in tests/bench/README.md.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeCallers } from './support/callers.mjs';
import { shareEqually } from './support/control_group.mjs';
import { reserveHugePages } from './support/huge_pages.mjs';
import { run, start } from './support/processes.mjs';
import { line, markdown, median } from './support/report.mjs';
import { makeScratch, say, secondsSoFar } from './support/scratch.mjs';
import { record } from './support/statements.mjs';
import { tap } from './support/wire.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    poold: { type: 'string' },
    scale: { type: 'string', default: '1' }, // of the large data, for trying this out
  },
});
const [build, reports] = positionals.map((folder) => path.resolve(folder));
const here = path.dirname(fileURLToPath(import.meta.url));
const source = path.resolve(here, '../..');
const quick = options.quick;
const seconds = Number(options.seconds ?? (quick ? 2 : 3));
const rounds = Number(options.rounds);
const warmUp = Math.min(0.5, seconds / 4);
const briefly = { seconds: Math.min(seconds, 2) }; // where there are many runs
const poold = path.resolve(options.poold ?? path.join(build, 'poold'));

// What is measured, by the names that --only takes; and the operations that are compared with pgbench.
const operationOf = { lookup: 'describe', create: 'create', members: 'members', page: 'page', associate: 'associate' };
const everything = [...Object.keys(operationOf), 'latency', 'connections', 'overload', 'start', 'sizes'];
const only = options.only?.split(',');
const unknown = only?.filter((name) => !everything.includes(name)) ?? [];
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(',')}: not among ${everything.join(', ')}`);
  process.exit(2);
}
const wanted = new Set(only ?? (quick ? ['lookup', 'create', 'overload', 'start'] : everything));
const operations = Object.keys(operationOf)
  .filter((name) => wanted.has(name))
  .map((name) => operationOf[name]);

// Whose statements pgbench runs.
const scripted = [...new Set([...operations, ...(wanted.has('latency') ? ['describe'] : [])])];

// Clients: so many connections with so many calls at once on each. The service works on the database by as many
// connections as pgbench and the peer.
const clients = { connections: 8, streams: 16 };
const databaseConnections = 2 * os.cpus().length;

// tests/bench/data.sql. `members` of every `step`th pool are what ListPoolOriginationIdentities lists.
const dataSets = {
  main: {
    accounts: 100,
    pools: 1000,
    senderIds: 100,
    members: 100,
    memberNumbers: 50,
    step: 1000,
    phoneNumbers: wanted.has('associate') || wanted.has('latency') ? 300_000 : 0,
  },
  small: { accounts: 1, pools: 1000, senderIds: 100, members: 10, memberNumbers: 0, step: 1, phoneNumbers: 0 },
  large: {
    accounts: 100,
    pools: 10_000 * Number(options.scale),
    senderIds: 100,
    members: 10,
    memberNumbers: 0,
    step: 1,
    phoneNumbers: 0,
  },
};
const first = '1000000000000000000';

const { work, emptyFolder } = makeScratch('bench', reports);
const logs = emptyFolder('logs');

// ---- What is started

const shares = shareEqually();

// Memory as one gives it to a database; checkpoints as far apart as for a server that writes much. fsync stays on.
const sharedBuffers = Math.floor(os.totalmem() / 2 ** 20 / 4);
const hugePages = reserveHugePages(sharedBuffers * 1.1); // with what else PostgreSQL shares
const postgresSettings = [
  `shared_buffers=${sharedBuffers}MB`,
  hugePages.setting,
  'max_wal_size=8GB',
  'checkpoint_timeout=15min',
];
const postgres = await start(path.join(logs, 'postgres.log'), path.join(build, 'bench_postgres'), [
  path.join(work, 'postgres'),
  ...postgresSettings,
]);
const urlOf = (database) => postgres.ready.replace('/poold?', `/${database}?`);
const psql = (database) => [urlOf(database), '-XqAt', '-v', 'ON_ERROR_STOP=1'];
const ask = (database, sql) => run('psql', [...psql(database), '-c', sql]).then((output) => output.trim());

const echo = await start(path.join(logs, 'echo.log'), path.join(build, 'bench_echo'), []);
const collector = await start(path.join(logs, 'collector.log'), path.join(build, 'bench_echo'), []);

const { callers, keys, access } = makeCallers(work, 100);

const serverFlags = [
  '--throttle',
  '1000000',
  '--quota-pools',
  '1000000000',
  '--database-connections',
  String(databaseConnections),
];
const tracing = {
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://${collector.ready}`,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.01',
};

// `poold serve` with all that a call can pass through.
async function serve(name, database, url = urlOf(database)) {
  const listen = ['--grpc-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0'];
  const server = await start(
    path.join(logs, `${name}.log`),
    poold,
    ['serve', '--database-url', url, '--access-file', access, ...listen, ...serverFlags],
    { env: tracing },
  );
  return { ...server, address: /grpc=(\S+)/.exec(server.ready)[1], http: /http=(\S+)/.exec(server.ready)[1], database };
}

async function makeData(database) {
  const data = dataSets[database];
  const from = performance.now();
  await ask('poold', `CREATE DATABASE ${database} TEMPLATE empty`);
  const variables = {
    accounts: data.accounts,
    pools: data.pools,
    sender_ids: data.senderIds,
    members: data.members,
    member_numbers: data.memberNumbers,
    member_step: data.step,
    phone_numbers: data.phoneNumbers,
  };
  await run('psql', [
    ...psql(database),
    ...Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]),
    '-f',
    path.join(here, 'data.sql'),
  ]);
  say(
    `data ${database}: ${data.accounts * data.pools} pools, ${await ask(database, 'SELECT count(*) FROM pool_members')} memberships in ${((performance.now() - from) / 1000).toFixed(1)} s`,
  );
}

// ---- Measuring

let runs = 0; // a seed for each
let numbersUsed = 0;
const errors = [];
const driverCpu = [];

// One run of the driver against `to`: {address, database?}. With `keys: false` callers only name their account.
async function load(to, operation, { rate = 0, ...more } = {}) {
  const { accounts, pools, senderIds, members, step } = dataSets[to.database ?? 'main'];
  const settings = { seconds, 'warm-up': warmUp, ...clients, keys, ...more };
  if (settings.keys === false) delete settings.keys;
  const all = {
    address: to.address,
    operation,
    rate,
    accounts,
    pools,
    'sender-ids': senderIds,
    members,
    'member-step': step,
    'first-number': numbersUsed,
    seed: ++runs,
    ...settings,
  };
  const output = await run(
    path.join(build, 'bench_driver'),
    Object.entries(all).map(([name, value]) => `--${name}=${value}`),
  );
  const result = JSON.parse(output);
  if (settings.calls) return result;
  if (operation === 'associate') numbersUsed += result.sent;
  if (result.errors + result.unanswered > 0 || (rate === 0 && result.throttled_per_second > 0)) {
    errors.push(
      `${operation}${rate ? ` at ${Math.round(rate)} per second` : ''}: ${JSON.stringify({ ...result.errors_by_kind, unanswered: result.unanswered, throttled: result.throttled_per_second * seconds })}`,
    );
  }
  driverCpu.push(result.driver_cpu);
  return result;
}

const scripts = {};

// How a session's statements may be planned: as PostgreSQL does by itself, with the same plan for all parameters, and that
// by indexes, as poold's sessions do.
const planners = [
  '-c plan_cache_mode=auto',
  '-c plan_cache_mode=force_generic_plan',
  '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off',
];

// With `rate` so many transactions a second, and how long they took from when each was due.
async function pgbench(operation, { plans = scripts[operation].plans, time = seconds + warmUp, rate } = {}) {
  const { script, constants } = scripts[operation];
  const variables = {
    ...Object.fromEntries(constants.map((value, i) => [`c${i}`, value])),
    n: -1,
    clients: databaseConnections,
    first_number: numbersUsed,
  };
  const whole = Math.max(1, Math.round(time));
  const times = path.join(work, `pgbench-${++runs}`);
  const output = await run(
    'pgbench',
    [
      '-n',
      '-M',
      'prepared',
      '-c',
      databaseConnections,
      '-j',
      Math.min(databaseConnections, os.cpus().length),
      '-T',
      whole,
      '-f',
      script,
      ...(rate ? ['-R', rate, '-l', '--log-prefix', times] : []),
      ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
      urlOf('main'),
    ].map(String),
    { env: { PGOPTIONS: plans } },
  );
  const transactions = Number(/number of transactions actually processed: (\d+)/.exec(output)[1]);
  const failed = Number(/number of failed transactions: (\d+)/.exec(output)?.[1] ?? 0);
  if (failed > 0) errors.push(`pgbench ${operation}: ${failed} failed`);
  // Its connections don't go through the numbers in step.
  if (operation === 'associate') numbersUsed += transactions * 2;
  return {
    per_second: Number(/tps = ([\d.]+)/.exec(output)[1]),
    transactions,
    milliseconds: rate ? percentilesOf(times) : null,
  };
}

// Of the transactions that pgbench logged in files of this prefix, without those of the warming up.
function percentilesOf(prefix) {
  const files = readdirSync(work).filter((name) => name.startsWith(path.basename(prefix)));
  // Client, transaction, microseconds, script, and when it ended: seconds and microseconds.
  const logged = files
    .flatMap((name) => readFileSync(path.join(work, name), 'utf8').trimEnd().split('\n'))
    .map((text) => text.split(' ').map(Number))
    .map(([, , took, , epoch, microseconds]) => ({ milliseconds: took / 1000, ended: epoch + microseconds / 1e6 }));
  const from = Math.min(...logged.map(({ ended }) => ended)) + warmUp;
  const all = logged
    .filter(({ ended }) => ended >= from)
    .map(({ milliseconds }) => milliseconds)
    .sort((a, b) => a - b);
  return { p50: all[Math.floor(0.5 * (all.length - 1))], p99: all[Math.floor(0.99 * (all.length - 1))] };
}

// What varies in an operation's statements, and how pgbench makes it: as bench_driver does (workload.cc).
const variations = (() => {
  const { accounts, pools, senderIds, step } = dataSets.main;
  const ofPool = [`\\set pool ${first} + :k`, `\\set account 100000000001 + :k / ${pools}`];
  const anyPool = [`\\set k random(0, ${accounts * pools - 1})`, ...ofPool];
  const account = ({ account }) => [account, 'account'];
  const pool = ({ pool }) => [`pool-0000000000000${pool}`, 'pool', 'pool-0000000000000'];
  return {
    describe: {
      sets: anyPool,
      markersOf: (choice) => [account(choice), pool(choice)],
      found: ({ pool }) => [new RegExp(pool, 'g'), 1],
    },
    members: {
      sets: [`\\set k ${step} * random(0, ${(accounts * pools) / step - 1})`, ...ofPool],
      markersOf: (choice) => [account(choice), pool(choice)],
      found: () => [/bench1|phone-/gi, dataSets.main.members],
    },
    page: {
      sets: anyPool,
      markersOf: (choice) => [account(choice)],
      found: ({ account }) => [new RegExp(`${account}.*pool-`, 'g'), 100],
    },
    create: {
      sets: [
        ...anyPool,
        `\\set sender random(100000, ${100000 + senderIds - 1})`,
        '\\set new random(1000000000000000000, 9000000000000000000)',
        '\\set token random(1000000000000000000, 9000000000000000000)',
      ],
      markersOf: (choice) => {
        const made = /pool-([0-9a-f]{13})[0-9a-f]{19}/.exec(Buffer.from(choice.answer, 'hex').toString('latin1'));
        return [
          account(choice),
          [made[0], 'new', `pool-${made[1]}`],
          [`bench${choice.sender_id}`, 'sender', 'bench'],
          [choice.token, 'token', ''],
        ];
      },
    },
    associate: {
      sets: [
        '\\set n :n + 1',
        '\\set f :first_number + :n * :clients + :client_id',
        `\\set number ${first} + :f`,
        `\\set k (:f % ${accounts}) * ${pools} + 2 * random(1, ${pools / 2 - 1})`,
        ...ofPool,
      ],
      markersOf: (choice) => [
        account(choice),
        pool(choice),
        [`phone-0000000000000${choice.phone_number}`, 'number', 'phone-0000000000000'],
      ],
    },
  };
})();

// Writes the operations' scripts for pgbench, from what a server of their own sends.
async function recordStatements() {
  const wire = await tap(urlOf('main'), work);
  const server = await serve('recorded', 'main', wire.url);
  for (const operation of scripted) {
    const call = (calls) =>
      load(server, operation, { calls, 'one-account': true }).then((choice) => {
        if (operation === 'associate') numbersUsed += calls * dataSets.main.accounts;
        return choice;
      });
    const recorded = await record({ psql: psql('main'), wire, call, ...variations[operation] });
    const file = path.join(reports, 'sql', `${operation}.sql`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, recorded.script);
    scripts[operation] = { ...recorded, script: file };
  }
  await server.stop('SIGTERM');
  wire.close();
}

// What pgbench's creates and associations must have left behind.
const counted = {
  create: "SELECT count(*) FROM pools WHERE created_at > '2025-06-01'",
  associate: 'SELECT count(*) FROM pool_members WHERE phone_number_id IS NOT NULL',
};

async function pgbenchChecked(operation) {
  if (!counted[operation]) return pgbench(operation);
  const before = Number(await ask('main', counted[operation]));
  const result = await pgbench(operation);
  const after = Number(await ask('main', counted[operation]));
  if (after - before !== result.transactions)
    errors.push(`pgbench ${operation}: ${result.transactions} transactions made ${after - before} rows`);
  return result;
}

// Measures everything once a round, forwards and backwards in turn, so that what drifts favours none.
async function inRounds(what, measurements) {
  const results = Object.fromEntries(Object.keys(measurements).map((name) => [name, []]));
  for (let round = 0; round < rounds; ++round) {
    const names = Object.keys(measurements);
    for (const name of round % 2 ? [...names].reverse() : names) results[name].push(await measurements[name]());
    say(`${what}, round ${round + 1} of ${rounds}`);
  }
  return results;
}

// ---- The run

const lines = [];
const add = (row) => lines.push(line(row));
const perSecond = (results) => results.map((result) => result.per_second);

const cpu = os.cpus();
const about = [
  `${cpu.length} × ${cpu[0].model}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${os.release()}; client, server and PostgreSQL share it; ${shares}`,
  `${(await run(poold, ['version'])).trim()}, \`poold serve ${serverFlags.join(' ')}\` with an access file of ${callers.length} principals (bearer keys), the default log level to a file, tracing sampled at 1 % to a collector that takes the spans, metrics`,
  `PostgreSQL ${await ask('poold', 'SHOW server_version')} with fsync ${await ask('poold', 'SHOW fsync')}, synchronous_commit ${await ask('poold', 'SHOW synchronous_commit')}, ${postgresSettings.join(', ')} (${hugePages.about})`,
  `closed loop: ${clients.connections} connections × ${clients.streams} calls at once, ${seconds} s after ${warmUp} s of warming up; every answer's status and content is checked`,
  'E: gRPC alone, the same kind of server with an answer from memory (bench_echo); same load',
  `P: \`pgbench -M prepared\`, ${databaseConnections} connections, as many as the server has, with the statements that the server sent for a call, read from the wire, in as many round trips (build/bench/sql), and with the plans that are the fastest`,
  `peer: Node.js ${process.version} with grpc-js and pg, tests/bench/peer, as one process or as one for each core, whichever is faster, ${databaseConnections} connections in all; no authentication, validation, metrics or log`,
];

await ask('poold', 'CREATE DATABASE empty');
await run(poold, ['migrate', '--database-url', urlOf('empty')]);
await makeData('main');

const starts = [];
const idle = [];
if (wanted.has('start')) say('idle memory, start to ready');
for (let i = 0; wanted.has('start') && i < 5; ++i) {
  const server = await serve('start', 'main');
  starts.push(server.milliseconds);
  await new Promise((resolve) => setTimeout(resolve, 300)); // idle, with its background at work
  idle.push(server.kilobytes() / 1024);
  await server.stop('SIGTERM');
}

if (scripted.length > 0) {
  await recordStatements();
  say('statements recorded');
}
const server = await serve('poold', 'main');
const loadEcho = (more) => load({ address: echo.ready }, 'describe', { expect: ':pool/pool-', ...more });
// A limit is as high as PostgreSQL can make it.
for (const [operation, script] of Object.entries(scripts)) {
  const tried = [];
  for (const plans of planners) tried.push((await pgbench(operation, { plans, time: 1 })).per_second);
  script.plans = planners[tried.indexOf(Math.max(...tried))];
  say(
    `pgbench, ${operation}: ${planners.map((plans, i) => `${Math.round(tried[i])} per second with ${plans}`).join(', ')}`,
  );
}

// The peer as one process and as one for each core: each operation is compared with the faster of the two.
const peers = [];
const peerOf = {};
const withPeer = operations.filter((operation) => ['describe', 'create'].includes(operation));
for (const processes of withPeer.length > 0 ? [1, os.cpus().length] : []) {
  const node = await start(
    path.join(logs, 'peer.log'),
    process.execPath,
    [path.join(here, 'peer/server.mjs'), urlOf('main'), databaseConnections, path.join(source, 'proto'), processes].map(
      String,
    ),
    { env: { NODE_ENV: 'production' } },
  );
  peers.push({ ...node, processes, address: node.ready });
}
const loadPeer = (peer, operation, more) => load(peer, operation, { keys: false, ...more });
for (const operation of withPeer) {
  const tried = [];
  for (const peer of peers) tried.push((await loadPeer(peer, operation, briefly)).per_second);
  peerOf[operation] = peers[tried.indexOf(Math.max(...tried))];
  say(
    `peer, ${operation}: ${peers.map(({ processes }, i) => `${Math.round(tried[i])} per second with ${processes}`).join(', ')}`,
  );
}

const measurements = {};
for (const operation of operations) {
  if (operation === 'describe') measurements.describeEcho = () => loadEcho();
  measurements[operation] = () => load(server, operation);
  measurements[`${operation}Pgbench`] = () => pgbenchChecked(operation);
  if (peerOf[operation]) measurements[`${operation}Peer`] = () => loadPeer(peerOf[operation], operation);
}
const throughput = operations.length > 0 ? await inRounds('throughput', measurements) : {};
const rates = Object.fromEntries(Object.entries(throughput).map(([name, results]) => [name, perSecond(results)]));
const best = Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, median(values)]));
const unit = 'per second';
const noteOf = (operation) => {
  const { roundTrips, plans } = scripts[operation];
  return `${roundTrips} round trip${roundTrips === 1 ? '' : 's'}; pgbench with PGOPTIONS='${plans}'`;
};
if (wanted.has('lookup')) {
  add({
    name: 'DescribePools by id, against gRPC alone',
    values: rates.describe,
    unit,
    limits: rates.describeEcho,
    must: 0.6,
  });
  add({
    name: 'DescribePools by id, against the peer',
    values: rates.describe,
    unit,
    limits: rates.describePeer,
    must: 4,
    note: `the peer with ${peerOf.describe.processes} process(es)`,
  });
  add({
    name: 'DescribePools by id, against pgbench',
    values: rates.describe,
    unit,
    limits: rates.describePgbench,
    note: noteOf('describe'),
  });
}
if (wanted.has('create')) {
  add({
    name: 'CreatePool, against pgbench',
    values: rates.create,
    unit,
    limits: rates.createPgbench,
    must: 0.9,
    note: noteOf('create'),
  });
  add({
    name: 'CreatePool, against the peer',
    values: rates.create,
    unit,
    limits: rates.createPeer,
    must: 4,
    note: `the peer with ${peerOf.create.processes} process(es)`,
  });
}
if (wanted.has('members')) {
  add({
    name: 'ListPoolOriginationIdentities, 100 members, against pgbench',
    values: rates.members,
    unit,
    limits: rates.membersPgbench,
    must: 0.6,
    note: noteOf('members'),
  });
}
if (wanted.has('page')) {
  add({
    name: 'DescribePools, page of 100 with two filters, against pgbench',
    values: rates.page,
    unit,
    limits: rates.pagePgbench,
    must: 0.6,
    note: noteOf('page'),
  });
}
if (wanted.has('associate')) {
  add({
    name: 'AssociateOriginationIdentity, against pgbench',
    values: rates.associate,
    unit,
    limits: rates.associatePgbench,
    must: 0.9,
    note: noteOf('associate'),
  });
}
for (const peer of peers) await peer.stop();

// What is not among the lines of this run, one run of the driver tells.
async function findBest(operations) {
  for (const operation of operations) best[operation] ??= (await load(server, operation)).per_second;
}

if (wanted.has('latency')) {
  const atHalf = (operation) => () => load(server, operation, { rate: best[operation] / 2, ...briefly });
  const all = ['describe', 'members', 'page', 'create', 'associate'];
  await findBest(all);
  const { echo: ofEcho, ...latencies } = await inRounds('latency', {
    ...Object.fromEntries(all.map((operation) => [operation, atHalf(operation)])),
    echo: () => loadEcho({ rate: best.describe / 2, ...briefly }),
  });
  const names = {
    describe: 'DescribePools by id',
    members: 'ListPoolOriginationIdentities',
    page: 'DescribePools, page of 100 with two filters',
    create: 'CreatePool',
    associate: 'AssociateOriginationIdentity',
  };
  for (const [operation, results] of Object.entries(latencies)) {
    add({
      name: `${names[operation]}, p99 at half of its greatest rate`,
      values: results.map((result) => result.milliseconds.p99),
      unit: 'ms',
      note: `${Math.round(best[operation] / 2)} per second, from when a call was due; median ${median(results.map((result) => result.milliseconds.p50)).toFixed(2)} ms`,
    });
  }
  add({
    name: 'gRPC alone, p99 at the same rate as DescribePools by id',
    values: ofEcho.map((result) => result.milliseconds.p99),
    unit: 'ms',
    note: 'what client, network and scheduler of this machine do to a call',
  });

  // Against what the machine allows: gRPC alone and PostgreSQL alone, one after the other, at the same rate.
  const levels = [
    { rate: 100, percentile: 'p50', must: 1, name: 'median at 100 per second' },
    { rate: 2000, percentile: 'p50', must: 1, name: 'median at 2,000 per second' },
    { rate: Math.round(best.describe / 4), percentile: 'p99', must: 2, name: 'p99 at a quarter of its greatest rate' },
  ];
  for (const { rate, percentile, must, name } of levels) {
    const measured = await inRounds(`latency at ${rate} per second`, {
      poold: () => load(server, 'describe', { rate, ...briefly }),
      echo: () => loadEcho({ rate, ...briefly }),
      pgbench: () => pgbench('describe', { rate, time: briefly.seconds + warmUp }),
    });
    const of = (who) => measured[who].map((result) => result.milliseconds[percentile]);
    const [ofGrpc, ofPgbench] = [of('echo'), of('pgbench')];
    add({
      name: `DescribePools by id, ${name}, against gRPC alone + pgbench`,
      values: of('poold'),
      unit: 'ms',
      limits: ofGrpc.map((milliseconds, round) => milliseconds + ofPgbench[round]),
      must,
      atMost: true,
      note: `gRPC alone ${median(ofGrpc).toFixed(2)} ms, pgbench ${median(ofPgbench).toFixed(2)} ms`,
    });
  }
}

if (wanted.has('connections')) {
  const counts = [1, 2, 4, 8, 16, 32, 64];
  const sweep = await inRounds(
    'connections',
    Object.fromEntries(
      counts.map((count) => [
        `c${count}`,
        () => load(server, 'describe', { connections: count, ...briefly }),
      ]),
    ),
  );
  const points = counts.map((count) => median(perSecond(sweep[`c${count}`])));
  const top = points.indexOf(Math.max(...points));
  const worst = points.indexOf(Math.min(...points.slice(top)), top);
  add({
    name: '1 to 64 connections: the least from the best on, against the best',
    values: perSecond(sweep[`c${counts[worst]}`]),
    unit,
    limits: perSecond(sweep[`c${counts[top]}`]),
    must: 0.9,
    note: `DescribePools by id, ${clients.streams} at once on each: ${counts.map((count, i) => `${count}: ${Math.round(points[i])}`).join(', ')}`,
  });
}

// Far more than it can do, of what costs it most.
if (wanted.has('overload')) {
  await findBest(['create']);
  const overloadSeconds = Math.max(seconds, quick ? 3 : 5);
  let refusedPerSecond = 0; // of this round
  // Creates that were answered within a millisecond of their arrival, which an admitted call cannot be while so many
  // wait; and how many were refused.
  const answered = async () => {
    const metrics = await fetch(`http://${server.http}/metrics`).then((answer) => answer.text());
    const quickly = /^poold_call_duration_seconds_bucket\{(?=.*method="CreatePool")(?=.*le="0.001").*\} (\d+)$/m;
    const refused = /^poold_refused_total\{.*cause="queue_full".*\} (\d+)$/m;
    return { quickly: Number(quickly.exec(metrics)[1]), refused: Number(refused.exec(metrics)?.[1] ?? 0) };
  };
  const overload = await inRounds('overload', {
    most: () => load(server, 'create'),
    overload: async () => {
      const before = await answered();
      const memory = [];
      const timer = setInterval(() => memory.push(server.kilobytes()), 100);
      const result = await load(server, 'create', { rate: best.create * 5, seconds: overloadSeconds, 'warm-up': 0.5 });
      clearInterval(timer);
      refusedPerSecond = result.throttled_per_second;
      const third = Math.ceil(memory.length / 3);
      const after = await answered();
      return {
        ...result,
        quickly: (100 * (after.quickly - before.quickly)) / (after.refused - before.refused),
        before: Math.max(...memory.slice(0, third)) / 1024,
        after: Math.max(...memory.slice(-third)) / 1024,
      };
    },
    // As many creates as can be made while another server, which does nothing but gRPC, answers the refused calls.
    besideGrpc: async () => {
      const same = { seconds: overloadSeconds, 'warm-up': 0.5 };
      const [created] = await Promise.all([
        load(server, 'create', same),
        loadEcho({ rate: refusedPerSecond, ...same }),
      ]);
      return created;
    },
  });
  const overloaded = overload.overload;
  const offered = median(overloaded.map((result) => result.offered_per_second));
  add({
    name: 'Overload: CreatePool, offered 5 × the greatest rate, against that',
    values: perSecond(overloaded),
    unit,
    limits: perSecond(overload.most),
    note: `offered ${Math.round(offered)} per second, refused ${Math.round(median(overloaded.map((result) => result.throttled_per_second)))}`,
  });
  add({
    name: 'Overload: the same, against creates while gRPC alone answers as many calls as were refused',
    values: perSecond(overloaded),
    unit,
    limits: perSecond(overload.besideGrpc),
    must: 0.8,
    note: 'client, gRPC and refusals share the cores with the creates',
  });
  if (overloaded.every((result) => result.throttled_milliseconds)) {
    const refused = (from) => overloaded.map((result) => result[from].p99);
    add({
      name: 'Overload: refusals (ThrottlingException) that the server answers within 1 ms of their arrival',
      values: overloaded.map((result) => result.quickly),
      unit: '%',
      limits: [99],
      must: 1,
    });
    add({
      name: 'Overload: a refusal, p99 from when the call was sent',
      values: refused('throttled_milliseconds_from_sent'),
      unit: 'ms',
      note: `${clients.connections} connections have 256 calls each on the way: so many take that long at this rate, whoever answers them`,
    });
    add({
      name: 'Overload: a refusal, p99 from when the call was due',
      values: refused('throttled_milliseconds'),
      unit: 'ms',
      note: "with the wait in the client's own queue",
    });
  } else {
    errors.push('overload: nothing was refused');
  }
  add({
    name: 'Overload: memory in its last third, against the first',
    values: overloaded.map((result) => result.after),
    unit: 'MB',
    limits: overloaded.map((result) => result.before),
    must: 1.1,
    atMost: true,
  });
}
if (wanted.has('start')) {
  add({ name: 'Idle memory', values: idle, unit: 'MB', limits: [60], must: 1, atMost: true });
  add({
    name: 'Start to ready on a migrated database',
    values: starts,
    unit: 'ms',
    limits: [300],
    must: 1,
    atMost: true,
  });
}
const calls = await fetch(`http://${server.http}/metrics`).then((answer) => answer.text());
await server.stop('SIGTERM');

if (wanted.has('sizes')) {
  await makeData('small');
  await makeData('large');
  const small = await serve('small', 'small');
  const large = await serve('large', 'large');
  const sizes = await inRounds(
    '1,000 and 1,000,000 pools',
    Object.fromEntries(
      ['describe', 'members', 'page'].flatMap((operation) => [
        [`${operation}Small`, () => load(small, operation, briefly)],
        [`${operation}Large`, () => load(large, operation, briefly)],
      ]),
    ),
  );
  const names = {
    describe: 'DescribePools by id',
    members: 'ListPoolOriginationIdentities, 10 members',
    page: 'DescribePools, page of 100 with two filters',
  };
  for (const [operation, name] of Object.entries(names)) {
    add({
      name: `${name}: 1,000,000 pools and 10,000,000 memberships, against 1,000 and 10,000`,
      values: perSecond(sizes[`${operation}Large`]),
      unit,
      limits: perSecond(sizes[`${operation}Small`]),
      must: 0.85,
    });
  }
  await small.stop('SIGTERM');
  await large.stop('SIGTERM');
}

await collector.stop();
await echo.stop();
await postgres.stop();
const exports = /exports (\d+)/.exec(collector.lines.join('\n'))?.[1];
const dropped = /^poold_spans_dropped_total (\S+)/m.exec(calls)?.[1];
about.push(
  ...(driverCpu.length > 0
    ? [`the driver (bench_driver, one thread) took ${Math.round(100 * median(driverCpu))} % of a core (median)`]
    : []),
  `the collector took ${exports} exports; spans dropped: ${dropped}`,
  `${rounds} rounds; the whole run took ${secondsSoFar()} s`,
  ...(errors.length > 0
    ? errors.map((error) => `**went wrong:** ${error}`)
    : ['no call failed and no answer was wrong']),
);
const kind = [...(quick ? ['quick'] : []), ...(only ? [`partial: only ${only.join(', ')}`] : [])].join(', ');
const report = markdown({ title: kind ? `Benchmark (${kind})` : 'Benchmark', about, lines });
writeFileSync(path.join(reports, 'report.md'), report);
writeFileSync(path.join(reports, 'report.json'), `${JSON.stringify(lines, null, 2)}\n`);
console.log(`\n${report}`);
process.exitCode = errors.length > 0 ? 1 : 0;
