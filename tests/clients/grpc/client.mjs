// gRPC's own client in JavaScript, with stubs generated from proto/. tests/clients/run says what is in the environment.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.env.POOLD_STUBS}/`);

export const grpc = require('@grpc/grpc-js');
export const { MessageType } = require('./smsvoice/v2/common.js');
export const pools = require('./smsvoice/v2/pools.js');
const { PoolsClient } = require('./smsvoice/v2/pools.grpc-client.js');
const { RequestSenderIdRequest } = require('./smsvoice/v2/sender_ids.js');
const { SenderIdsClient } = require('./smsvoice/v2/sender_ids.grpc-client.js');
const { Status } = require('./google/rpc/status.js');
const errorDetails = require('./google/rpc/error_details.js');

export const ADDRESS = process.env.POOLD_GRPC_ADDRESS;

let accounts = 0;

// Calls as an account of its own. Files of tests are processes of their own.
export class Client {
  constructor(address = ADDRESS, options = {}) {
    accounts += 1;
    this.metadata = new grpc.Metadata();
    this.metadata.set('x-account-id', `8${String(process.pid).padStart(7, '0')}${String(accounts).padStart(4, '0')}`);
    const channel = new grpc.Channel(address, grpc.credentials.createInsecure(), options);
    const arguments_ = [address, grpc.credentials.createInsecure(), { channelOverride: channel }];
    this.pools = new PoolsClient(...arguments_);
    this.senderIds = new SenderIdsClient(...arguments_);
  }

  close() {
    this.pools.close();
  }

  // Starts a call of the stub's function `name`: { call, answer: Promise }.
  start(stub, name, request, options = {}) {
    let call;
    const answer = new Promise((resolve, reject) => {
      call = stub[name](request, this.metadata, options, (error, value) => (error ? reject(error) : resolve(value)));
    });
    return { call, answer };
  }

  callPools(name, request, options) {
    return this.start(this.pools, name, request, options).answer;
  }

  // Of a sender ID of its own.
  async newPool() {
    const senderId = RequestSenderIdRequest.create({ senderId: 'EXAMPLECO', isoCountryCode: 'GB' });
    await this.start(this.senderIds, 'requestSenderId', senderId).answer;
    return this.callPools(
      'createPool',
      pools.CreatePoolRequest.create({
        originationIdentity: 'EXAMPLECO',
        isoCountryCode: 'GB',
        messageType: MessageType.TRANSACTIONAL,
      }),
    );
  }

  async describe() {
    return (await this.callPools('describePools', pools.DescribePoolsRequest.create())).pools;
  }
}

// The details of a refusal by their types' names.
export function details(refused) {
  const [bytes] = refused.metadata.get('grpc-status-details-bin');
  const found = {};
  for (const { typeUrl, value } of Status.fromBinary(bytes).details) {
    const name = typeUrl.replace('type.googleapis.com/google.rpc.', '');
    found[name] = errorDetails[name].fromBinary(value);
  }
  return found;
}

// How many wait for the session that asks. It asks again and again: the pause is for the others' sake.
const WAITING = 'SELECT count(*) FROM pg_locks, pg_sleep(0.02) WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid));';

// Keeps the row of a pool locked in the database, so that its change has to wait, while `use` runs. It gets two
// functions: waitedFor() waits until somebody waits for the lock, givenUp() until nobody does though it is still held.
export async function withLockedPool(poolId, use) {
  const options = ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', process.env.POOLD_DATABASE_URL];
  const psql = spawn('psql', options, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(psql.stdout)[Symbol.asyncIterator]();
  const ask = async (sql) => {
    psql.stdin.write(`${sql}\n`);
    return (await lines.next()).value;
  };
  const waiting = async () => Number(await ask(WAITING)) > 0;
  const waitedFor = async () => {
    while (!(await waiting()));
  };
  const givenUp = async () => {
    while (await waiting());
  };
  try {
    if ((await ask(`BEGIN; SELECT pool_id FROM pools WHERE pool_id = '${poolId}' FOR UPDATE;`)) !== poolId) {
      throw new Error(`there is no ${poolId}`);
    }
    await use({ waitedFor, givenUp });
  } finally {
    psql.stdin.end('ROLLBACK;\n');
    await once(psql, 'close');
  }
}
