import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/kustomize.mjs';

const read = (path) => readFileSync(join(root, path), 'utf8');
const config = JSON.parse(read('deploy/client/service-config.json'));
const configWithKeys = JSON.parse(read('deploy/client/service-config-with-keys.json'));

// The table of docs/api.md, which a test of its own compares with the .proto files. Dev is no service of production.
const operations = [...read('docs/api.md').matchAll(/^\| (\w+) \| (\w+) \| (yes|no) \|/gm)]
  .map(([, method, service, writes]) => ({ service: `smsvoice.v2.${service}`, method, writes: writes === 'yes' }))
  .filter(({ service }) => service !== 'smsvoice.v2.Dev');

// What a client does for a method: its own entry counts, else that of its service.
function policyOf({ methodConfig }, { service, method }) {
  const named = (wanted) =>
    methodConfig.filter(({ name }) => name.some((one) => one.service === service && one.method === wanted));
  const found = [...named(method), ...named(undefined)];
  assert.ok(found.length > 0, `${service}/${method} is not mentioned`);
  return found[0];
}

test('reads are tried again when the service is away or overloaded', () => {
  for (const operation of operations.filter(({ writes }) => !writes)) {
    const { retryPolicy } = policyOf(config, operation);
    assert.deepEqual(retryPolicy?.retryableStatusCodes, ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'], operation.method);
  }
});

test('a read is never refused for a quota, so its RESOURCE_EXHAUSTED always passes', () => {
  for (const [, method, exceptions] of read('docs/api.md').matchAll(/^\| (\w+) \| \w+ \| no \| ([^|]+) \|/gm)) {
    assert.doesNotMatch(exceptions, /ServiceQuotaExceeded/, method);
  }
});

test('writes are never repeated by a client whose calls have no keys', () => {
  for (const operation of operations.filter(({ writes }) => writes)) {
    assert.equal(policyOf(config, operation).retryPolicy, undefined, operation.method);
  }
});

test('with keys, writes are repeated only when the service is away', () => {
  for (const operation of operations.filter(({ writes }) => writes)) {
    assert.deepEqual(
      policyOf(configWithKeys, operation).retryPolicy.retryableStatusCodes,
      ['UNAVAILABLE'],
      operation.method,
    );
  }
});

test('nothing else differs between the two', () => {
  const writes = configWithKeys.methodConfig.find(({ name }) => name.every(({ method }) => !method));
  delete writes.retryPolicy;
  assert.deepEqual(configWithKeys, config);
});

test('names are those of operations that there are', () => {
  for (const { service, method } of config.methodConfig.flatMap(({ name }) => name)) {
    assert.ok(
      operations.some((one) => one.service === service && (!method || one.method === method)),
      `${service}/${method}`,
    );
  }
});

test('calls without a deadline of their own get one, and wait for a server until then', () => {
  for (const operation of operations) {
    const { timeout, waitForReady } = policyOf(config, operation);
    assert.match(timeout, /^\d+s$/);
    assert.equal(waitForReady, true);
  }
});
