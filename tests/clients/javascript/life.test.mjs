// The whole life of each noun, by every operation there is.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { REGION, US_NUMBER, connect, newAccount } from './client.mjs';

const CHANNEL = `arn:aws:sns:${REGION}:123456789012:incoming`;

let account;
let sms;

beforeEach(() => {
  account = newAccount();
  sms = connect(account);
});

const arn = (tail) => `arn:aws:sms-voice:${REGION}:${account}:${tail}`;

test('pools', async () => {
  const { PhoneNumberId: first } = await sms.requestPhoneNumber(US_NUMBER);
  const { PhoneNumberId: second } = await sms.requestPhoneNumber(US_NUMBER);
  await sms.requestSenderId({ SenderId: 'EXAMPLECO', IsoCountryCode: 'GB' });

  const pool = await sms.createPool({
    OriginationIdentity: first,
    MessageType: 'TRANSACTIONAL',
    DeletionProtectionEnabled: true,
    Tags: [{ Key: 'Name', Value: 'Offers' }],
  });
  const { PoolId } = pool;
  assert.match(PoolId, /^pool-[0-9a-f]{32}$/);
  assert.equal(pool.PoolArn, arn(`pool/${PoolId}`));
  assert.deepEqual(pool.Tags, [{ Key: 'Name', Value: 'Offers' }]);
  assert.equal(pool.DeletionProtectionEnabled, true);
  assert.equal(pool.TwoWayEnabled, false);

  await sms.associateOriginationIdentity({ PoolId, OriginationIdentity: second, IsoCountryCode: 'US' });
  await sms.associateOriginationIdentity({ PoolId, OriginationIdentity: 'EXAMPLECO', IsoCountryCode: 'GB' });
  const { OriginationIdentities: members } = await sms.listPoolOriginationIdentities({ PoolId: pool.PoolArn });
  assert.deepEqual(
    members.map((member) => member.OriginationIdentity),
    [first, second, 'EXAMPLECO'],
  );
  assert.deepEqual(members[2].NumberCapabilities, ['SMS']);
  assert.equal(members[2].PhoneNumber, undefined);

  const { $metadata, ...updated } = await sms.updatePool({
    PoolId,
    TwoWayEnabled: true,
    TwoWayChannelArn: CHANNEL,
    SelfManagedOptOutsEnabled: true,
    SharedRoutesEnabled: true,
    DeletionProtectionEnabled: false,
  });
  assert.equal($metadata.attempts, 1);
  const { Pools: described } = await sms.describePools({ PoolIds: [PoolId] });
  assert.deepEqual(described, [updated]);
  assert.equal(updated.TwoWayChannelArn, CHANNEL);
  const having = (twoWay) => ({ Filters: [{ Name: 'two-way-enabled', Values: [twoWay] }] });
  assert.deepEqual((await sms.describePools(having('true'))).Pools, described);
  assert.deepEqual((await sms.describePools(having('false'))).Pools, []);

  await sms.disassociateOriginationIdentity({ PoolId, OriginationIdentity: second, IsoCountryCode: 'US' });
  assert.equal((await sms.deletePool({ PoolId })).Status, 'DELETING');
  assert.deepEqual((await sms.describePools({})).Pools, []);
  const { PhoneNumbers: numbers } = await sms.describePhoneNumbers({});
  assert.deepEqual(
    numbers.map((number) => number.PoolId),
    [undefined, undefined],
  );
});

test('phone numbers', async () => {
  const number = await sms.requestPhoneNumber({
    ...US_NUMBER,
    DeletionProtectionEnabled: true,
    Tags: [{ Key: 'team', Value: 'growth' }],
  });
  const { PhoneNumberId } = number;
  assert.equal(number.PhoneNumberArn, arn(`phone-number/${PhoneNumberId}`));
  assert.match(number.PhoneNumber, /^\+1[0-9]{10}$/);
  const updated = await sms.updatePhoneNumber({
    PhoneNumberId,
    TwoWayEnabled: true,
    TwoWayChannelArn: CHANNEL,
    DeletionProtectionEnabled: false,
  });
  assert.equal(updated.TwoWayEnabled, true);
  assert.equal(updated.DeletionProtectionEnabled, false);
  const { PhoneNumbers: described } = await sms.describePhoneNumbers({
    Filters: [{ Name: 'two-way-channel-arn', Values: [CHANNEL] }],
  });
  assert.deepEqual(
    described.map((one) => one.PhoneNumberId),
    [PhoneNumberId],
  );
  assert.equal((await sms.releasePhoneNumber({ PhoneNumberId })).Status, 'DELETED');
  assert.deepEqual((await sms.describePhoneNumbers({})).PhoneNumbers, []);
});

test('sender IDs', async () => {
  const name = { SenderId: 'EXAMPLECO', IsoCountryCode: 'GB' };
  const requested = await sms.requestSenderId({ ...name, MessageTypes: ['PROMOTIONAL'] });
  assert.equal(requested.SenderIdArn, arn('sender-id/EXAMPLECO/GB'));
  assert.deepEqual(requested.MessageTypes, ['PROMOTIONAL']);
  await sms.updateSenderId({ ...name, DeletionProtectionEnabled: true });
  const { SenderIds: described } = await sms.describeSenderIds({ SenderIds: [name] });
  assert.deepEqual(
    described.map((one) => one.DeletionProtectionEnabled),
    [true],
  );
  await sms.updateSenderId({ ...name, DeletionProtectionEnabled: false });
  assert.equal((await sms.releaseSenderId(name)).SenderId, 'EXAMPLECO');
  assert.deepEqual((await sms.describeSenderIds({})).SenderIds, []);
});

test('keywords', async () => {
  const { PhoneNumberId: OriginationIdentity } = await sms.requestPhoneNumber(US_NUMBER);
  const KeywordMessage = 'Offers of Example Co. – Reply STOP to stop. 👋';
  await sms.putKeyword({ OriginationIdentity, Keyword: 'info', KeywordMessage });
  const { Keywords } = await sms.describeKeywords({ OriginationIdentity });
  assert.deepEqual(
    Keywords.map((keyword) => keyword.Keyword),
    ['HELP', 'INFO', 'STOP'],
  );
  assert.deepEqual(Keywords[1], { Keyword: 'INFO', KeywordMessage, KeywordAction: 'AUTOMATIC_RESPONSE' });
  const deleted = await sms.deleteKeyword({ OriginationIdentity, Keyword: 'INFO' });
  assert.equal(deleted.KeywordMessage, KeywordMessage);
});

test('tags', async () => {
  const { OptOutListArn: ResourceArn } = await sms.createOptOutList({ OptOutListName: 'offers' });
  const Tags = [
    { Key: 'empty', Value: '' },
    { Key: 'team', Value: 'growth' },
  ];
  await sms.tagResource({ ResourceArn, Tags });
  assert.deepEqual((await sms.listTagsForResource({ ResourceArn })).Tags, Tags);
  await sms.untagResource({ ResourceArn, TagKeys: ['empty', 'team'] });
  assert.deepEqual((await sms.listTagsForResource({ ResourceArn })).Tags, []);
});

test('opt-out lists', async () => {
  const { OptOutListArn } = await sms.createOptOutList({ OptOutListName: 'offers' });
  assert.equal(OptOutListArn, arn('opt-out-list/offers'));
  const { OptOutLists } = await sms.describeOptOutLists({});
  assert.deepEqual(OptOutLists.map((list) => list.OptOutListName).sort(), ['Default', 'offers']);
  const entry = { OptOutListName: 'offers', OptedOutNumber: '+12065550142' };
  const put = await sms.putOptedOutNumber(entry);
  assert.equal(put.EndUserOptedOut, false);
  const { OptedOutNumbers } = await sms.describeOptedOutNumbers({ OptOutListName: 'offers' });
  assert.deepEqual(
    OptedOutNumbers.map((number) => number.OptedOutTimestamp),
    [put.OptedOutTimestamp],
  );
  assert.equal((await sms.deleteOptedOutNumber(entry)).OptedOutNumber, '+12065550142');
  assert.equal((await sms.deleteOptOutList({ OptOutListName: 'offers' })).OptOutListName, 'offers');
});

test('resource policies', async () => {
  const { OptOutListArn: ResourceArn } = await sms.createOptOutList({ OptOutListName: 'shared' });
  const other = newAccount();
  const Policy = JSON.stringify({
    Statement: [{ Effect: 'Allow', Principal: { AWS: other }, Action: 'sms-voice:Describe*', Resource: ResourceArn }],
  });
  const put = await sms.putResourcePolicy({ ResourceArn, Policy });
  const got = await sms.getResourcePolicy({ ResourceArn });
  assert.deepEqual([got.Policy, got.CreatedTimestamp], [Policy, put.CreatedTimestamp]);
  const shared = await connect(other).describeOptOutLists({ Owner: 'SHARED' });
  assert.deepEqual(
    shared.OptOutLists.map((list) => list.OptOutListArn),
    [ResourceArn],
  );
  await sms.deleteResourcePolicy({ ResourceArn });
  const none = await sms.getResourcePolicy({ ResourceArn });
  assert.deepEqual([none.Policy, none.CreatedTimestamp], ['{}', undefined]);
});

test('the account', async () => {
  await sms.createOptOutList({ OptOutListName: 'offers' });
  const { AccountLimits } = await sms.describeAccountLimits({});
  assert.deepEqual(
    AccountLimits.find((limit) => limit.Name === 'OPT_OUT_LISTS'),
    { Name: 'OPT_OUT_LISTS', Used: 2, Max: 25 },
  );
  const { AccountAttributes } = await sms.describeAccountAttributes({});
  assert.deepEqual(AccountAttributes, [{ Name: 'ACCOUNT_TIER', Value: 'PRODUCTION' }]);
});

test('times are Dates with milliseconds', async () => {
  const before = Date.now();
  const times = [];
  for (const OptOutListName of ['first', 'second', 'third']) {
    times.push((await sms.createOptOutList({ OptOutListName })).CreatedTimestamp);
  }
  for (const time of times) {
    assert(time instanceof Date);
    assert(before <= time.getTime() && time.getTime() <= Date.now(), `${time} is not now`);
  }
  assert(times.some((time) => time.getMilliseconds() !== 0));
});
