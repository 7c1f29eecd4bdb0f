// Refusals as the SDK's exceptions: their types, and everything that they say.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import {
  AccessDeniedException,
  ConflictException,
  InternalServerException,
  PinpointSMSVoiceV2ServiceException,
  ResourceNotFoundException,
  ServiceQuotaExceededException,
  ThrottlingException,
  ValidationException,
} from '@aws-sdk/client-pinpoint-sms-voice-v2';

import { BROKEN_ENDPOINT, THROTTLED_ENDPOINT, US_NUMBER, connect, newAccount } from './client.mjs';

const NOBODYS_POOL = 'pool-0123456789abcdef0123456789abcdef';

let account;
let sms;

beforeEach(() => {
  account = newAccount();
  sms = connect(account);
});

async function refusal(Exception, call) {
  const error = await call().then(
    () => assert.fail('it was not refused'),
    (caught) => caught,
  );
  assert(error instanceof Exception, String(error));
  assert(error instanceof PinpointSMSVoiceV2ServiceException);
  assert.equal(error.name, Exception.name);
  assert.notEqual(error.message, '');
  assert.match(error.$metadata.requestId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal(error.$metadata.attempts, 1);
  assert.equal(error.$metadata.httpStatusCode, Exception === InternalServerException ? 500 : 400);
  return error;
}

test('a conflict', async () => {
  const { PhoneNumberId } = await sms.requestPhoneNumber(US_NUMBER);
  const { PoolId } = await sms.createPool({
    OriginationIdentity: PhoneNumberId,
    MessageType: 'TRANSACTIONAL',
    DeletionProtectionEnabled: true,
  });
  const error = await refusal(ConflictException, () => sms.deletePool({ PoolId }));
  assert.deepEqual(
    [error.Reason, error.ResourceType, error.ResourceId],
    ['DELETION_PROTECTION_ENABLED', 'pool', PoolId],
  );
  assert(error.message.startsWith('Conflict Occurred - Reason="DELETION_PROTECTION_ENABLED"'));
});

test('a resource that is not there', async () => {
  const error = await refusal(ResourceNotFoundException, () => sms.describePools({ PoolIds: [NOBODYS_POOL] }));
  assert.deepEqual([error.ResourceType, error.ResourceId], ['pool', NOBODYS_POOL]);
});

test('an invalid request with all that is wrong', async () => {
  const error = await refusal(ValidationException, () =>
    sms.createPool({ OriginationIdentity: '+12065550142', IsoCountryCode: 'us', MessageType: 'TRANSACTIONAL' }),
  );
  assert.equal(error.Reason, 'INVALID_PARAMETER');
  assert.deepEqual(
    error.Fields.map((field) => field.Name),
    ['originationIdentity', 'isoCountryCode'],
  );
  assert(error.Fields.every((field) => field.Message !== ''));
});

test('a required member that is missing, which this client lets through', async () => {
  const error = await refusal(ValidationException, () => sms.deletePool({}));
  assert.equal(error.Reason, 'MISSING_PARAMETER');
  assert.deepEqual(
    error.Fields.map((field) => field.Name),
    ['poolId'],
  );
});

test('a used-up quota', async () => {
  for (let number = 1; number < 25; ++number) await sms.createOptOutList({ OptOutListName: `list-${number}` });
  const error = await refusal(ServiceQuotaExceededException, () => sms.createOptOutList({ OptOutListName: 'more' }));
  assert.equal(error.Reason, 'OPT_OUT_LISTS_PER_ACCOUNT');
});

test('what only the owner may do', async () => {
  const { OptOutListArn } = await sms.createOptOutList({ OptOutListName: 'shared' });
  const other = newAccount();
  const statement = { Effect: 'Allow', Principal: { AWS: other }, Action: '*', Resource: '*' };
  await sms.putResourcePolicy({ ResourceArn: OptOutListArn, Policy: JSON.stringify({ Statement: [statement] }) });
  const consumer = connect(other);
  await refusal(AccessDeniedException, () => consumer.deleteOptOutList({ OptOutListName: OptOutListArn }));
});

test('throttling', async () => {
  const throttled = connect(account, { endpoint: THROTTLED_ENDPOINT, maxAttempts: 1 });
  await refusal(ThrottlingException, async () => {
    for (let call = 0; call < 100; ++call) await throttled.describeAccountLimits({});
  });
});

test('a failure of the service', async () => {
  const broken = connect(account, { endpoint: BROKEN_ENDPOINT, maxAttempts: 1 });
  const error = await refusal(InternalServerException, () => broken.describePools({}));
  assert.equal(error.RequestId, error.$metadata.requestId);
});
