// What a gRPC client in JavaScript sees of calls, refusals, deadlines, cancellation and compression.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { ADDRESS, Client, details, grpc, pools, withLockedPool } from './client.mjs';
import { DATA, Frames } from './frames.mjs';

let client;

beforeEach(() => {
  client = new Client();
});
afterEach(() => client.close());

async function refusal(answer) {
  return answer.then(
    () => assert.fail('it was not refused'),
    (caught) => caught,
  );
}

test('a pool is created, described and deleted', async () => {
  const created = await client.newPool();
  const [described] = await client.describe();
  assert.deepEqual(
    [described.poolId, described.status, described.revision],
    [created.poolId, pools.PoolStatus.ACTIVE, created.revision],
  );
  const deletion = pools.DeletePoolRequest.create({ poolId: created.poolId });
  const { call, answer } = client.start(client.pools, 'deletePool', deletion);
  const trailing = new Promise((resolve) => call.on('status', ({ metadata }) => resolve(metadata)));
  assert.equal((await answer).status, pools.PoolStatus.DELETING);
  assert.match((await trailing).get('x-amzn-requestid')[0], /^[0-9a-f-]{36}$/);
  assert.deepEqual(await client.describe(), []);
});

test('a refusal has details', async () => {
  const refused = await refusal(client.callPools('deletePool', pools.DeletePoolRequest.create({ poolId: '#' })));
  assert.equal(refused.code, grpc.status.INVALID_ARGUMENT);
  const { ErrorInfo, BadRequest, RequestInfo } = details(refused);
  assert.equal(ErrorInfo.reason, 'INVALID_PARAMETER');
  assert.equal(ErrorInfo.domain, 'sms-voice');
  assert.equal(ErrorInfo.metadata.exception, 'ValidationException');
  assert.deepEqual(
    BadRequest.fieldViolations.map((violation) => violation.field),
    ['poolId'],
  );
  assert.deepEqual(refused.metadata.get('x-amzn-errortype'), ['ValidationException']);
  assert.deepEqual(refused.metadata.get('x-amzn-requestid'), [RequestInfo.requestId]);
});

async function assertUnchanged(pool) {
  const [described] = await client.describe();
  assert.deepEqual([described.deletionProtectionEnabled, described.revision], [false, pool.revision]);
}

test('a deadline ends the call at both ends', async () => {
  const pool = await client.newPool();
  const change = pools.UpdatePoolRequest.create({ poolId: pool.poolId, deletionProtectionEnabled: true });
  await withLockedPool(pool.poolId, async ({ givenUp }) => {
    const refused = await refusal(client.callPools('updatePool', change, { deadline: Date.now() + 1000 }));
    assert.equal(refused.code, grpc.status.DEADLINE_EXCEEDED);
    await givenUp();
  });
  await assertUnchanged(pool);
});

test('a cancelled call ends at both ends', async () => {
  const pool = await client.newPool();
  const change = pools.UpdatePoolRequest.create({ poolId: pool.poolId, deletionProtectionEnabled: true });
  await withLockedPool(pool.poolId, async ({ waitedFor, givenUp }) => {
    const { call, answer } = client.start(client.pools, 'updatePool', change, { deadline: Date.now() + 30_000 });
    const refused = refusal(answer);
    await waitedFor();
    call.cancel();
    const cancelled = Date.now();
    assert.equal((await refused).code, grpc.status.CANCELLED);
    await givenUp();
    assert(Date.now() - cancelled < 20_000); // well before the deadline
  });
  await assertUnchanged(pool);
});

for (const compression of ['deflate', 'gzip']) {
  test(`${compression} requests are refused, and answers are not compressed`, async () => {
    const frames = await Frames.before(ADDRESS);
    const algorithm = grpc.compressionAlgorithms[compression];
    const compressing = new Client(frames.address, { 'grpc.default_compression_algorithm': algorithm });
    const plain = new Client(frames.address);
    try {
      const request = pools.DescribePoolsRequest.create({});
      const refused = await refusal(compressing.callPools('describePools', request));
      assert.equal(refused.code, grpc.status.UNIMPLEMENTED);
      assert.match(refused.details, /takes uncompressed messages only/);
      const compressed = (sender) => frames.of(sender, DATA).flatMap(({ payload }) => [...payload.subarray(0, 1)]);
      assert.deepEqual(compressed('client'), [1]);
      await plain.newPool();
      assert(compressed('server').length > 0);
      assert(compressed('server').every((flag) => flag === 0));
    } finally {
      plain.close();
      compressing.close();
      frames.close();
    }
  });
}
