// What the SDK sends again by itself, and that nothing is done twice.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { ResourceNotFoundException } from '@aws-sdk/client-pinpoint-sms-voice-v2';

import { between } from './between.mjs';
import { BROKEN_ENDPOINT, ENDPOINT, THROTTLED_ENDPOINT, US_NUMBER, connect, newAccount } from './client.mjs';

let account;
let sms;

beforeEach(() => {
  account = newAccount();
  sms = connect(account);
});

// Makes a call whose answer is lost. The client sends the same request again, with the client token that it has made
// up, and gets what it should have got before.
async function afterALostAnswer(call, request) {
  return between([{ lost: ENDPOINT }, ENDPOINT], async (endpoint, requests) => {
    const answer = await connect(account, { endpoint })[call](request);
    assert.equal(requests.length, 2);
    assert.deepEqual(requests[0], requests[1]);
    assert.match(requests[0].ClientToken, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.equal(answer.$metadata.attempts, 2);
    return answer;
  });
}

test('one pool of a create whose answer was lost', async () => {
  await sms.requestSenderId({ SenderId: 'EXAMPLECO', IsoCountryCode: 'GB' });
  const { PoolId } = await afterALostAnswer('createPool', {
    OriginationIdentity: 'EXAMPLECO',
    IsoCountryCode: 'GB',
    MessageType: 'TRANSACTIONAL',
  });
  const { Pools } = await sms.describePools({});
  assert.deepEqual(
    Pools.map((pool) => pool.PoolId),
    [PoolId],
  );
});

test('one number of a request whose answer was lost', async () => {
  const { PhoneNumberId } = await afterALostAnswer('requestPhoneNumber', US_NUMBER);
  const { PhoneNumbers } = await sms.describePhoneNumbers({});
  assert.deepEqual(
    PhoneNumbers.map((number) => number.PhoneNumberId),
    [PhoneNumberId],
  );
});

test('members come and go once', async () => {
  const { PhoneNumberId: first } = await sms.requestPhoneNumber(US_NUMBER);
  const { PhoneNumberId: second } = await sms.requestPhoneNumber(US_NUMBER);
  const { PoolId } = await sms.createPool({ OriginationIdentity: first, MessageType: 'TRANSACTIONAL' });
  const member = { PoolId, OriginationIdentity: second, IsoCountryCode: 'US' };
  await afterALostAnswer('associateOriginationIdentity', member);
  await afterALostAnswer('disassociateOriginationIdentity', member);
});

test('what has a name is not refused as taken', async () => {
  await afterALostAnswer('requestSenderId', { SenderId: 'EXAMPLECO', IsoCountryCode: 'GB' });
  await afterALostAnswer('createOptOutList', { OptOutListName: 'offers' });
});

test('a throttled call succeeds later', async () => {
  const throttled = connect(account, { endpoint: THROTTLED_ENDPOINT, maxAttempts: 10 });
  let attempts = 1;
  for (let call = 0; call < 100 && attempts === 1; ++call) {
    ({ attempts } = (await throttled.describePools({})).$metadata);
  }
  assert(attempts > 1);
});

test('a failed call succeeds elsewhere', async () => {
  await between([BROKEN_ENDPOINT, ENDPOINT], async (endpoint, requests) => {
    const answer = await connect(account, { endpoint }).createOptOutList({ OptOutListName: 'offers' });
    assert.equal(answer.$metadata.attempts, 2);
    assert.deepEqual(requests[0], requests[1]);
  });
});

test('a refused call is not made again', async () => {
  await between([ENDPOINT], async (endpoint, requests) => {
    const deletion = connect(account, { endpoint }).deleteOptOutList({ OptOutListName: 'nobodys' });
    await assert.rejects(deletion, ResourceNotFoundException);
    assert.equal(requests.length, 1);
  });
});
