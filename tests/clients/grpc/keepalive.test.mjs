// A gRPC client in JavaScript that pings each 10 seconds, also without calls, keeps its connection.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { ADDRESS, Client } from './client.mjs';
import { ACK, Frames, GOAWAY, PING } from './frames.mjs';

// gRPC servers that are not told otherwise end the connection (ENHANCE_YOUR_CALM, too_many_pings) at this ping.
const FORBIDDEN_PING = 4;

test('pings each 10 seconds do not end the connection', async () => {
  const frames = await Frames.before(ADDRESS);
  const client = new Client(frames.address, {
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
  });
  try {
    const pool = await client.newPool();
    while (frames.of('server', PING, ACK).length < FORBIDDEN_PING && frames.of('server', GOAWAY).length === 0) {
      await once(frames, 'frame');
    }
    assert.deepEqual(frames.of('server', GOAWAY), []);
    const [described] = await client.describe();
    assert.equal(described.poolId, pool.poolId);
    assert.equal(frames.connections, 1);
  } finally {
    client.close();
    frames.close();
  }
});
