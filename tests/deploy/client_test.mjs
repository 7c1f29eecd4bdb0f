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

// The table of refusals, which docs_test compares with the service's own. A row is of one exception and one code.
const refusals = [...read('deploy/client/README.md').matchAll(/^\| (\w+Exception) \| ([^|]+) \| \d+ \| [^|]+ \| ([^|]+) \|$/gm)]
  .map(([, exception, codes, again]) => ({ exception, codes: codes.match(/\b[A-Z]+(_[A-Z]+)*\b/g), again }));

// What an operation is refused with, besides what all are.
const furthers = Object.fromEntries(
  [...read('docs/api.md').matchAll(/^\| (\w+) \| \w+ \| (?:yes|no) \| ([^|]+) \|/gm)].map(([, method, text]) => [method, text]),
);
const forAll = /^(Throttling|AccessDenied|Validation|InternalServer)Exception$/;

// All tries of a call share its deadline.
const neverOfUse = ['DEADLINE_EXCEEDED'];

// The codes that a client, which sees nothing but codes, may repeat: whatever this operation says by them allows it.
function repeatable({ method, writes }, withToken) {
  const possible = refusals.filter(
    ({ exception }) => forAll.test(exception) || furthers[method].split(', ').includes(exception.replace(/Exception$/, '')),
  );
  const allows = (again) => again.startsWith('yes') || (again.startsWith('a read: yes') && (!writes || withToken));
  const codes = new Set(possible.flatMap(({ codes: of }) => of));
  return [...codes].filter(
    (code) => !neverOfUse.includes(code) && possible.every(({ codes: of, again }) => !of.includes(code) || allows(again)),
  );
}

test('the table of refusals is read', () => {
  assert.ok(refusals.length >= 14);
  assert.ok(refusals.some(({ codes, again }) => codes.includes('ABORTED') && again === 'no'));
  assert.ok(refusals.some(({ codes, again }) => codes.includes('ABORTED') && again.startsWith('yes')));
});

test('reads are tried again on every code that allows it, and on no other', () => {
  for (const operation of operations.filter(({ writes }) => !writes)) {
    const { retryPolicy } = policyOf(config, operation);
    assert.deepEqual(new Set(retryPolicy?.retryableStatusCodes), new Set(repeatable(operation, false)), operation.method);
    assert.deepEqual(retryPolicy.retryableStatusCodes, ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'], operation.method);
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
    assert.ok(!repeatable(operation, false).includes('UNAVAILABLE'), operation.method);
  }
});

test('with keys, writes are repeated on the codes that allow it of all of them', () => {
  const writing = operations.filter(({ writes }) => writes);
  const ofAll = repeatable(writing[0], true).filter((code) => writing.every((one) => repeatable(one, true).includes(code)));
  for (const operation of writing) {
    assert.deepEqual(policyOf(configWithKeys, operation).retryPolicy.retryableStatusCodes, ofAll, operation.method);
  }
  assert.deepEqual(ofAll, ['UNAVAILABLE']);
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
