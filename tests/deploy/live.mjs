// What manifests, alerts and dashboard take for granted about the program, asked of the program itself (POOLD=its path).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { metrics } from './support/metrics.mjs';
import { Overlay } from './support/overlay.mjs';

const poold = process.env.POOLD;

for (const overlay of ['dev', 'production'].map((name) => new Overlay(name))) {
  describe(`settings of ${overlay.name}`, () => {
    for (const pod of [overlay.pod('Deployment poold'), overlay.pod('Job poold-migrate')]) {
      const environment = Object.fromEntries(
        Object.entries(overlay.environment(pod)).filter(([name]) => name.startsWith('POOLD_')),
      );

      test(`${pod.owner}: names are those of settings`, () => {
        const help = execFileSync(poold, ['--help'], { encoding: 'utf8' });
        assert.deepEqual(
          Object.keys(environment).filter((name) => !new RegExp(`\\b${name}\\b`).test(help)),
          [],
        );
      });

      test(`${pod.owner}: values are accepted`, () => {
        execFileSync(poold, ['config'], { env: { ...process.env, ...environment }, stdio: 'pipe' });
      });
    }
  });
}

// {name: {type, labels: {label: [values]}}} of Prometheus' text format.
function families(text) {
  const found = {};
  for (const line of text.split('\n')) {
    const declaration = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (declaration) found[declaration[1]] = { type: declaration[2], labels: {} };
    const sample = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line);
    if (!sample) continue;
    const family = found[sample[1]] ?? found[sample[1].replace(/_(bucket|sum|count)$/, '')];
    assert.ok(family, `${sample[1]} has no TYPE`);
    for (const [, label, value] of (sample[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (label !== 'le') (family.labels[label] ??= new Set()).add(value);
    }
  }
  return found;
}

describe('metrics', () => {
  let server;
  let directory;
  let text;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'poold-live-'));
    server = spawn(
      poold,
      ['dev', '--grpc-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0', '--data-dir', join(directory, 'data')],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    for await (const line of createInterface(server.stdout)) {
      const ready = /^ready .*http=(\S+)/.exec(line);
      if (!ready) continue;
      const url = `http://${ready[1]}`;
      const call = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'PinpointSMSVoiceV2.DescribePools' },
        body: '{}',
      });
      assert.equal(call.status, 200);
      const answer = await fetch(`${url}/metrics`);
      assert.equal(answer.status, 200);
      text = await answer.text();
      break;
    }
    assert.ok(text, 'the server ended before it was ready');
  });

  after(async () => {
    if (server && server.exitCode === null) {
      server.kill('SIGTERM');
      await once(server, 'exit');
    }
    rmSync(directory, { recursive: true, force: true });
  });

  test('are those of the list, of the same types', () => {
    const ours = Object.fromEntries(
      Object.entries(families(text))
        .filter(([name]) => /^(poold|process)_/.test(name))
        .map(([name, { type }]) => [name, type]),
    );
    assert.deepEqual(ours, Object.fromEntries(Object.entries(metrics).map(([name, { type }]) => [name, type])));
  });

  test('have the labels and values of the list', () => {
    for (const [name, { labels }] of Object.entries(families(text))) {
      const listed = metrics[name]?.labels ?? {};
      for (const [label, values] of Object.entries(labels)) {
        assert.ok(label in listed, `${name}{${label}}`);
        for (const value of values) assert.ok(listed[label]?.includes(value) ?? true, `${name}{${label}="${value}"}`);
      }
    }
  });

  test('promtool finds nothing to say about them', () => {
    execFileSync('promtool', ['check', 'metrics'], { input: text, stdio: 'pipe' });
  });
});
