// Clients of the servers under test, by the AWS SDK for JavaScript.

import { PinpointSMSVoiceV2 } from '@aws-sdk/client-pinpoint-sms-voice-v2';

export const REGION = 'us-east-1';
export const ENDPOINT = process.env.POOLD_ENDPOINT;
export const THROTTLED_ENDPOINT = process.env.POOLD_THROTTLED_ENDPOINT;
export const BROKEN_ENDPOINT = process.env.POOLD_BROKEN_ENDPOINT;

export const US_NUMBER = {
  IsoCountryCode: 'US',
  MessageType: 'TRANSACTIONAL',
  NumberCapabilities: ['SMS'],
  NumberType: 'LONG_CODE',
};

let accounts = 0;

// An account that nobody else uses: `poold dev` takes an access key of 12 digits for the account that calls. Files of
// tests are processes of their own.
export function newAccount() {
  accounts += 1;
  return `3${String(process.pid).padStart(7, '0')}${String(accounts).padStart(4, '0')}`;
}

export function connect(account = newAccount(), { endpoint = ENDPOINT, ...options } = {}) {
  return new PinpointSMSVoiceV2({
    region: REGION,
    endpoint,
    credentials: { accessKeyId: account, secretAccessKey: 'secret' },
    ...options,
  });
}
