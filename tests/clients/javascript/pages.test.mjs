// The SDK's paginators, over every operation that has pages.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';

import * as sdk from '@aws-sdk/client-pinpoint-sms-voice-v2';

import { US_NUMBER, connect } from './client.mjs';

const MODEL = JSON.parse(readFileSync(new URL('../../data/api-model.json', import.meta.url)));

const client = connect();
const requests = { DescribeOptedOutNumbers: { OptOutListName: 'FIRST' } };

// Three of everything, at least.
before(async () => {
  for (const SenderId of ['FIRST', 'SECOND', 'THIRD']) {
    const { PhoneNumberId } = await client.requestPhoneNumber(US_NUMBER);
    const { PoolId } = await client.createPool({ OriginationIdentity: PhoneNumberId, MessageType: 'TRANSACTIONAL' });
    requests.DescribeKeywords ??= { OriginationIdentity: PoolId };
    requests.ListPoolOriginationIdentities ??= { PoolId };
    await client.requestSenderId({ SenderId, IsoCountryCode: 'GB' });
    await client.associateOriginationIdentity({
      ...requests.ListPoolOriginationIdentities,
      OriginationIdentity: SenderId,
      IsoCountryCode: 'GB',
    });
    await client.putKeyword({ ...requests.DescribeKeywords, Keyword: SenderId, KeywordMessage: 'Offers' });
    await client.createOptOutList({ OptOutListName: SenderId });
  }
  for (const OptedOutNumber of ['+12065550141', '+12065550142', '+12065550143']) {
    await client.putOptedOutNumber({ OptOutListName: 'FIRST', OptedOutNumber });
  }
});

for (const [operation, { result_key: items }] of Object.entries(MODEL.pagination)) {
  test(`the pages of ${operation} together are the whole`, async () => {
    const paginate = sdk[`paginate${operation}`];
    const request = requests[operation] ?? {};
    const whole = await client.send(new sdk[`${operation}Command`](request));
    assert.equal(whole.NextToken, undefined);
    const found = [];
    for await (const page of paginate({ client, pageSize: 1 }, request)) {
      assert.equal(page[items].length, 1);
      found.push(...page[items]);
    }
    assert.deepEqual(found, whole[items]);
    assert(found.length >= (operation === 'DescribeAccountAttributes' ? 1 : 3));
  });
}
