import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { prometheusRule } from './prometheus_rule.mjs';
import { root } from './support/kustomize.mjs';
import { metrics, strangersIn } from './support/metrics.mjs';

const telemetry = join(root, 'deploy/telemetry');
const alertsFile = join(telemetry, 'alerts.yaml');
const { groups } = parse(readFileSync(alertsFile, 'utf8'));
const rules = groups.flatMap(({ rules }) => rules);
const alerts = rules.filter(({ alert }) => alert);
const dashboard = JSON.parse(readFileSync(join(telemetry, 'dashboard.json'), 'utf8'));

const scratch = mkdtempSync(join(tmpdir(), 'poold-telemetry-'));
after(() => rmSync(scratch, { recursive: true }));

function promtool(command, content) {
  const file = join(scratch, 'promtool.yaml');
  writeFileSync(file, stringify(content));
  try {
    execFileSync('promtool', [...command, file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`${error.stdout}${error.stderr}`);
  }
}

// What two pods report that have nothing to complain of, minute by minute: a value as often as there are minutes, or a
// value and what it grows by.
const healthy = {
  'up{}': '1x',
  'poold_ready{}': '1x',
  'poold_build_info{version="0.1.0"}': '1x',
  'process_start_time_seconds{}': '1000x',
  'process_open_fds{}': '600x',
  'process_max_fds{}': '1024x',
  'process_resident_memory_bytes{}': '400000000x',
  'poold_calls_total{door="grpc",method="DescribePools",code="OK",exception=""}': '0+6000x',
  // Mistakes of callers are no failures of the service.
  'poold_calls_total{door="grpc",method="CreatePool",code="INVALID_ARGUMENT",exception="ValidationException"}':
    '0+600x',
  'poold_calls_total{door="grpc",method="CreatePool",code="UNAVAILABLE",exception="InternalServerException"}': '0+3x',
  'poold_call_duration_seconds_bucket{door="grpc",method="DescribePools",le="0.1"}': '0+6600x',
  'poold_call_duration_seconds_bucket{door="grpc",method="DescribePools",le="1"}': '0+6603x',
  'poold_call_duration_seconds_bucket{door="grpc",method="DescribePools",le="+Inf"}': '0+6603x',
  'poold_queue_wait_seconds_bucket{le="0.1"}': '0+6600x',
  'poold_queue_wait_seconds_bucket{le="+Inf"}': '0+6600x',
  'poold_refused_total{cause="queue_full"}': '0+6x',
  'poold_refused_total{cause="too_late"}': '0+6x',
  'poold_refused_total{cause="throttled"}': '0+600x',
  'poold_refused_total{cause="unauthenticated"}': '0+4x',
  'poold_refused_total{cause="connections"}': '0x',
  'poold_connections_cut_total{cause="resets"}': '7x',
  'poold_database_connections{state="in_use"}': '12x',
  'poold_database_connections{state="idle"}': '4x',
  'poold_database_connects_total{outcome="ok"}': '0+2x',
  'poold_database_connects_total{outcome="failed"}': '7x',
  'poold_transactions_total{outcome="committed"}': '0+3000x',
  'poold_transactions_total{outcome="rolled_back"}': '0+300x',
  'poold_transactions_total{outcome="failed"}': '0+10x',
  'poold_transaction_retries_total{cause="serialization"}': '0+100x',
  'poold_commits_in_doubt_total{outcome="committed"}': '0+1x',
  'poold_commits_in_doubt_total{outcome="unknown"}': '0x',
  'poold_statement_duration_seconds_bucket{statement="find pool",le="0.1"}': '0+6000x',
  'poold_statement_duration_seconds_bucket{statement="find pool",le="+Inf"}': '0+6000x',
  'poold_spans_dropped_total{}': '9x',
};

// Asks promtool of each of the cases: if `series` are as given from the start and all others healthy, are the alerts that
// fire `minutes` later those that are `expected`? `ofOne`: one instance alone has these series.
function expectFiring(...cases) {
  const instances = ['10.0.0.1:8080', '10.0.0.2:8080'];
  promtool(['test', 'rules'], {
    rule_files: [alertsFile],
    evaluation_interval: '1m',
    tests: cases.map(({ expected, minutes, series, ofOne }) => ({
      interval: '1m',
      input_series: instances.flatMap((instance, index) =>
        Object.entries(ofOne && index > 0 ? healthy : { ...healthy, ...series })
          .filter(([, values]) => values !== null)
          .map(([name, values]) => ({
            series: name.replace('{', `{job="poold",namespace="poold",instance="${instance}",`).replace(',}', '}'),
            values: values + minutes,
          })),
      ),
      promql_expr_test: [
        {
          expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
          eval_time: `${minutes}m`,
          exp_samples: expected.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
        },
      ],
    })),
  });
}

const unanswered = (failures) => ({
  'poold_calls_total{door="grpc",method="CreatePool",code="UNAVAILABLE",exception="InternalServerException"}': failures,
});
const onlyIf = (names, value) =>
  Object.fromEntries(
    Object.keys(healthy)
      .filter((name) => names(name))
      .map((name) => [name, value]),
  );

// Each alert: what must happen, from when on it fires, and a moment or a lesser trouble at which it does not yet.
const scenarios = [
  { alert: 'PooldAbsent', claim: 'nothing is scraped', series: onlyIf(() => true, null), fires: 3, notAt: 2 },
  { alert: 'PooldAbsent', claim: 'nothing answers', series: { 'up{}': '0x' }, fires: 3, notAt: 2 },
  {
    alert: 'PooldTargetDown',
    claim: 'one of two does not answer',
    series: { 'up{}': '0x' },
    ofOne: true,
    fires: 5,
    notAt: 4,
  },
  { alert: 'PooldNoneReady', claim: 'no process is ready', series: { 'poold_ready{}': '0x' }, fires: 1, notAt: 0 },
  {
    alert: 'PooldNotReady',
    claim: 'one of two is not ready',
    series: { 'poold_ready{}': '0x' },
    ofOne: true,
    fires: 5,
    notAt: 4,
  },
  {
    alert: 'PooldErrorBudgetBurnsFast',
    claim: 'two in a hundred calls fail',
    series: unanswered('0+140x'),
    fires: 10,
    unless: unanswered('0+80x'),
  },
  {
    alert: 'PooldErrorBudgetBurnsSlowly',
    claim: 'eight in a thousand calls fail for hours',
    series: unanswered('0+55x'),
    fires: 60,
    unless: unanswered('0+30x'),
  },
  {
    alert: 'PooldRestarts',
    claim: 'a process restarts thrice',
    series: { 'process_start_time_seconds{}': '1000x4 1300x4 1600x4 1900x' },
    ofOne: true,
    fires: 20,
    unless: { 'process_start_time_seconds{}': '1000x4 1300x4 1600x' },
  },
  {
    alert: 'PooldVersionsMixed',
    claim: 'two versions run for an hour',
    series: { 'poold_build_info{version="0.1.0"}': null, 'poold_build_info{version="0.2.0"}': '1x' },
    ofOne: true,
    fires: 61,
    notAt: 30,
  },
  {
    alert: 'PooldCallsSlow',
    claim: 'two in a hundred calls take more than a second',
    series: {
      'poold_call_duration_seconds_bucket{door="grpc",method="DescribePools",le="1"}': '0+6400x',
      'poold_call_duration_seconds_bucket{door="grpc",method="DescribePools",le="0.1"}': '0+6400x',
      'poold_call_duration_seconds_bucket{door="grpc",method="DescribePools",le="5"}': '0+6603x',
    },
    fires: 15,
    notAt: 9,
  },
  {
    alert: 'PooldCallsWait',
    claim: 'two in a hundred calls wait for more than half a second',
    series: {
      'poold_queue_wait_seconds_bucket{le="0.1"}': '0+6400x',
      'poold_queue_wait_seconds_bucket{le="1"}': '0+6600x',
    },
    fires: 15,
    notAt: 9,
  },
  {
    alert: 'PooldOverloaded',
    claim: 'the queue refuses two in a hundred calls',
    series: { 'poold_refused_total{cause="queue_full"}': '0+140x' },
    fires: 10,
    notAt: 4,
  },
  {
    alert: 'PooldOverloaded',
    claim: 'two in a hundred calls wait until it is too late',
    series: { 'poold_refused_total{cause="too_late"}': '0+140x' },
    fires: 10,
    unless: { 'poold_refused_total{cause="too_late"}': '0+50x' },
  },
  {
    alert: 'PooldConnectionsRefused',
    claim: 'connections are turned away',
    series: { 'poold_refused_total{cause="connections"}': '0+1x' },
    ofOne: true,
    fires: 10,
    notAt: 4,
  },
  {
    alert: 'PooldConnectionsCut',
    claim: 'connections are cut again and again',
    series: { 'poold_connections_cut_total{cause="resets"}': '0+1x' },
    ofOne: true,
    fires: 20,
    notAt: 14,
  },
  {
    alert: 'PooldCallersRefused',
    claim: 'a fifth of all calls come with wrong keys',
    series: { 'poold_refused_total{cause="unauthenticated"}': '0+1300x' },
    fires: 20,
    notAt: 14,
  },
  {
    alert: 'PooldCallersRefused',
    claim: 'a fifth of all calls ask for what they may not',
    series: { 'poold_refused_total{cause="access_denied"}': '0+1300x' },
    fires: 20,
    unless: { 'poold_refused_total{cause="access_denied"}': '0+500x' },
  },
  {
    alert: 'PooldFileDescriptorsRunOut',
    claim: 'nine tenths of the file descriptors are in use',
    series: { 'process_open_fds{}': '922x' },
    ofOne: true,
    fires: 5,
    notAt: 4,
  },
  {
    alert: 'PooldMemoryHigh',
    claim: 'a process uses 1.1 GB',
    series: { 'process_resident_memory_bytes{}': '1100000000x' },
    ofOne: true,
    fires: 10,
    notAt: 9,
  },
  {
    alert: 'PooldDatabaseConnectsFail',
    claim: 'attempts to connect fail',
    series: { 'poold_database_connects_total{outcome="failed"}': '0+1x' },
    ofOne: true,
    fires: 5,
    notAt: 2,
  },
  {
    alert: 'PooldDatabaseConnectionsBusy',
    claim: 'all connections but one are in use',
    series: { 'poold_database_connections{state="in_use"}': '15x', 'poold_database_connections{state="idle"}': '1x' },
    fires: 10,
    notAt: 9,
  },
  {
    alert: 'PooldTransactionsFail',
    claim: 'two in a hundred transactions fail',
    series: { 'poold_transactions_total{outcome="failed"}': '0+70x' },
    fires: 10,
    notAt: 4,
  },
  {
    alert: 'PooldTransactionsRetried',
    claim: 'every fifth transaction is run again',
    series: { 'poold_transaction_retries_total{cause="serialization"}': '0+700x' },
    fires: 20,
    notAt: 14,
  },
  {
    alert: 'PooldCommitUnknown',
    claim: 'a counter of unknown commits rises',
    series: { 'poold_commits_in_doubt_total{outcome="unknown"}': '2x20 3x' },
    ofOne: true,
    fires: 25,
    notAt: 15,
  },
  {
    alert: 'PooldCommitUnknown',
    claim: 'the first unknown commit is counted',
    series: { 'poold_commits_in_doubt_total{outcome="unknown"}': '_x20 1x' },
    ofOne: true,
    fires: 25,
    notAt: 60,
  },
  {
    alert: 'PooldStatementsSlow',
    claim: 'two in a hundred runs of a statement take more than half a second',
    series: {
      'poold_statement_duration_seconds_bucket{statement="find pool",le="0.1"}': '0+5800x',
      'poold_statement_duration_seconds_bucket{statement="find pool",le="1"}': '0+6000x',
    },
    fires: 20,
    notAt: 14,
  },
  {
    alert: 'PooldSpansDropped',
    claim: 'spans are dropped',
    series: { 'poold_spans_dropped_total{}': '0+10x' },
    ofOne: true,
    fires: 20,
    notAt: 14,
  },
];

describe('alerts', () => {
  test('none fires on healthy pods, after two hours neither', () => {
    expectFiring(...[2, 30, 120].map((minutes) => ({ expected: [], minutes, series: {} })));
  });

  for (const { alert, claim, series, ofOne, fires, notAt, unless } of scenarios) {
    test(`${alert} fires when ${claim}`, () => {
      expectFiring(
        { expected: [alert], minutes: fires, series, ofOne },
        { expected: [], minutes: notAt ?? fires, series: unless ?? series, ofOne },
      );
    });
  }

  test('each is shown to fire', () => {
    assert.deepEqual([...new Set(scenarios.map(({ alert }) => alert))].sort(), alerts.map(({ alert }) => alert).sort());
  });

  test('each says what it means, how bad it is and where to read on', () => {
    const manual = join(root, 'docs/operations.md');
    const headings = existsSync(manual)
      ? readFileSync(manual, 'utf8')
          .match(/^#+ .*/gm)
          .map((line) => line.replace(/^#+ /, '').toLowerCase())
      : null;
    for (const { alert, labels, annotations } of alerts) {
      assert.ok(['critical', 'warning', 'info'].includes(labels.severity), alert);
      assert.ok(annotations.summary && annotations.description, alert);
      assert.equal(annotations.runbook_url, `docs/operations.md#${alert.toLowerCase()}`);
      if (headings) assert.ok(headings.includes(alert.toLowerCase()), `docs/operations.md has no heading ${alert}`);
    }
  });

  test('rules ask only for series and labels that there are', () => {
    const recorded = rules.filter(({ record }) => record).map(({ record }) => record);
    for (const { alert, record, expr } of rules) assert.deepEqual(strangersIn(expr, recorded), [], alert ?? record);
  });

  test('the Prometheus operator gets the same rules', () => {
    assert.equal(readFileSync(join(telemetry, 'prometheus-rule.yaml'), 'utf8'), prometheusRule());
  });
});

describe('dashboard', () => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const asked = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr]));
  // As Grafana fills them in.
  const filledIn = (expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '3h');

  test('Prometheus understands every question', () => {
    promtool(['check', 'rules'], {
      groups: [
        {
          name: 'dashboard',
          rules: asked.map(([, expr], index) => ({ record: `question:${index}`, expr: filledIn(expr) })),
        },
      ],
    });
  });

  test('questions are only about series and labels that there are', () => {
    for (const [title, expr] of asked) assert.deepEqual(strangersIn(filledIn(expr), []), [], title);
  });

  test('every metric is shown somewhere', () => {
    const shown = asked.map(([, expr]) => expr).join('\n');
    assert.deepEqual(
      Object.keys(metrics).filter((name) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(shown)),
      [],
    );
  });

  test('variables are defined, panels do not overlap and have numbers of their own', () => {
    const defined = dashboard.templating.list.map(({ name }) => name);
    for (const [, used] of JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)) {
      assert.ok(used.startsWith('__') || defined.includes(used), used);
    }
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      assert.ok(x + w <= 24);
      return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
    });
    assert.equal(new Set(cells).size, cells.length);
  });
});
