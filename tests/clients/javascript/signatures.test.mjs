// Requests as the SDK signs them, by a server that checks it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { US_NUMBER, connect } from './client.mjs';

const endpoint = process.env.POOLD_GUARDED_ENDPOINT;
const accessKeyId = process.env.POOLD_GUARDED_KEY;
const secretAccessKey = process.env.POOLD_GUARDED_SECRET;

const connectWith = (credentials) => connect(undefined, { endpoint, credentials });

test('the right secret acts for the account of its key', async () => {
  const sms = connectWith({ accessKeyId, secretAccessKey });
  const { PhoneNumberArn } = await sms.requestPhoneNumber({
    ...US_NUMBER,
    Tags: [{ Key: 'ä é', Value: '/ü?&=%20 👋' }],
  });
  assert.equal(PhoneNumberArn.split(':')[4], process.env.POOLD_GUARDED_ACCOUNT);
});

test('a wrong secret is turned away', async () => {
  const sms = connectWith({ accessKeyId, secretAccessKey: `${secretAccessKey}x` });
  await assert.rejects(sms.describePools({}), { name: 'InvalidSignatureException' });
});

test('an unknown key is turned away', async () => {
  const sms = connectWith({ accessKeyId: 'AKIDNOBODY', secretAccessKey });
  await assert.rejects(sms.describePools({}), { name: 'UnrecognizedClientException' });
});

test('a client whose clock is wrong takes the time from the first answer', async (context) => {
  const now = Date.now;
  context.mock.method(Date, 'now', () => now() + 3600_000);
  const sms = connectWith({ accessKeyId, secretAccessKey });
  assert.equal((await sms.describePools({})).$metadata.attempts, 2);
  assert.equal((await sms.describePools({})).$metadata.attempts, 1);
});
