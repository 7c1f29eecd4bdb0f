// DescribePools by id and CreatePool as a team might write them with Node.js, grpc-js and pg, over the same tables: some
// processes (node:cluster), named (prepared) statements, a pool of connections. It does what these two calls
// cannot do without, and no more: no signatures, no validation, no metrics, no traces, no log.
//
//   node server.mjs DATABASE-URL CONNECTIONS PROTO-FOLDER PROCESSES
//
// Prints "ready HOST:PORT" and runs until its standard input ends.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import cluster from 'node:cluster';
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';

const [database, connections, protos, processes] = process.argv.slice(2);
const region = 'us-east-1';
const keywords = [
  ['HELP', 'Reply STOP to stop receiving messages.', 'AUTOMATIC_RESPONSE'],
  ['STOP', 'You are unsubscribed and will receive no more messages.', 'OPT_OUT'],
];

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

function statements(client) {
  const run = (name, text, values) => client.query({ name, text, values });
  return {
    pool: (account, id) =>
      run(
        'pool',
        `SELECT pool_id, status, message_type, two_way_enabled, two_way_channel_arn, two_way_channel_role,
                self_managed_opt_outs_enabled, opt_out_list_name, shared_routes_enabled, deletion_protection_enabled,
                created_at, revision
         FROM pools WHERE account_id = $1 AND region = $2 AND pool_id = $3`,
        [account, region, id],
      ),
    claimToken: (account, token, hash) =>
      run(
        'claim',
        `INSERT INTO client_tokens (account_id, region, operation, client_token, request_hash, created_at)
         VALUES ($1, $2, 'CreatePool', $3, $4, now()) ON CONFLICT DO NOTHING`,
        [account, region, token, hash],
      ),
    token: (account, token) =>
      run(
        'token',
        `SELECT request_hash, response FROM client_tokens
         WHERE account_id = $1 AND region = $2 AND operation = 'CreatePool' AND client_token = $3`,
        [account, region, token],
      ),
    lockSenderId: (account, sender, country) =>
      run(
        'sender',
        `SELECT message_types FROM sender_ids
         WHERE account_id = $1 AND region = $2 AND sender_id_key = lower($3) AND iso_country_code = $4 FOR KEY SHARE`,
        [account, region, sender, country],
      ),
    insertPool: (account, id, type, protection) =>
      run(
        'insert pool',
        `INSERT INTO pools (account_id, region, pool_id, status, message_type, two_way_enabled,
                            self_managed_opt_outs_enabled, opt_out_list_account_id, opt_out_list_name,
                            shared_routes_enabled, deletion_protection_enabled, created_at)
         VALUES ($1, $2, $3, 'ACTIVE', $4, false, false, $1, 'Default', false, $5, now())
         RETURNING pool_id, status, message_type, two_way_enabled, self_managed_opt_outs_enabled, opt_out_list_name,
                   shared_routes_enabled, deletion_protection_enabled, created_at, revision`,
        [account, region, id, type, protection],
      ),
    insertKeywords: (account, id) =>
      run(
        'insert keywords',
        `INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)
         SELECT $1, $2, $3, * FROM unnest($4::text[], $5::text[], $6::text[])`,
        [account, region, id, ...[0, 1, 2].map((column) => keywords.map((keyword) => keyword[column]))],
      ),
    insertTags: (account, id, tags) =>
      run(
        'insert tags',
        `INSERT INTO tags (account_id, region, resource_type, resource_id, key, value)
         SELECT $1, $2, 'pool', $3, * FROM unnest($4::text[], $5::text[])`,
        [account, region, id, tags.map((tag) => tag.key), tags.map((tag) => tag.value)],
      ),
    insertMember: (account, id, sender, country) =>
      run(
        'insert member',
        `INSERT INTO pool_members (account_id, region, pool_id, sender_id_key, iso_country_code)
         VALUES ($1, $2, $3, lower($4), $5)`,
        [account, region, id, sender, country],
      ),
    count: (account, limit) =>
      run('count', `UPDATE accounts SET pools = pools + 1 WHERE account_id = $1 AND region = $2 AND pools < $3`, [
        account,
        region,
        limit,
      ]),
    storeAnswer: (account, token, response) =>
      run(
        'store',
        `UPDATE client_tokens SET response = $4
         WHERE account_id = $1 AND region = $2 AND operation = 'CreatePool' AND client_token = $3`,
        [account, region, token, response],
      ),
  };
}

function rendered(account, row) {
  return {
    poolArn: `arn:aws:sms-voice:${region}:${account}:pool/${row.pool_id}`,
    poolId: row.pool_id,
    status: `POOL_STATUS_${row.status}`,
    messageType: `MESSAGE_TYPE_${row.message_type}`,
    twoWayEnabled: row.two_way_enabled,
    selfManagedOptOutsEnabled: row.self_managed_opt_outs_enabled,
    optOutListName: row.opt_out_list_name,
    sharedRoutesEnabled: row.shared_routes_enabled,
    deletionProtectionEnabled: row.deletion_protection_enabled,
    createdTimestamp: {
      seconds: Math.floor(row.created_at.getTime() / 1000),
      nanos: (row.created_at.getTime() % 1000) * 1e6,
    },
    revision: row.revision,
  };
}

async function describePools(pool, account, request) {
  const { rows } = await statements(pool).pool(account, request.poolIds[0]);
  if (rows.length === 0) throw new Refusal(grpc.status.NOT_FOUND, 'no such pool');
  return { pools: rows.map((row) => rendered(account, row)) };
}

async function createPool(pool, account, request) {
  const hash = createHash('sha256').update(JSON.stringify(request)).digest();
  const client = await pool.connect();
  try {
    const sql = statements(client);
    await client.query('BEGIN');
    const claimed = await sql.claimToken(account, request.clientToken, hash);
    if (claimed.rowCount === 0) {
      const { rows } = await sql.token(account, request.clientToken);
      await client.query('ROLLBACK');
      if (!rows[0].request_hash.equals(hash)) throw new Refusal(grpc.status.INVALID_ARGUMENT, 'another request');
      return JSON.parse(rows[0].response.toString());
    }
    const sender = await sql.lockSenderId(account, request.originationIdentity, request.isoCountryCode);
    const type = request.messageType.replace('MESSAGE_TYPE_', '');
    if (sender.rows.length === 0) throw new Refusal(grpc.status.NOT_FOUND, 'no such sender ID');
    if (!sender.rows[0].message_types.includes(type))
      throw new Refusal(grpc.status.FAILED_PRECONDITION, 'message type');
    const id = `pool-${randomUUID().replaceAll('-', '')}`;
    const { rows } = await sql.insertPool(account, id, type, request.deletionProtectionEnabled ?? false);
    await sql.insertKeywords(account, id);
    await sql.insertTags(account, id, request.tags);
    await sql.insertMember(account, id, request.originationIdentity, request.isoCountryCode);
    const counted = await sql.count(account, 1e9);
    if (counted.rowCount === 0) throw new Refusal(grpc.status.RESOURCE_EXHAUSTED, 'too many pools');
    const response = { ...rendered(account, rows[0]), tags: request.tags };
    await sql.storeAnswer(account, request.clientToken, JSON.stringify(response));
    await client.query('COMMIT');
    return response;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

function serve() {
  const definition = loader.loadSync('smsvoice/v2/pools.proto', {
    includeDirs: [protos],
    enums: String,
    longs: String,
    arrays: true,
  });
  const { Pools } = grpc.loadPackageDefinition(definition).smsvoice.v2;
  const pool = new pg.Pool({ connectionString: database, max: Math.ceil(connections / processes) });
  const answer = (operation) => (call, callback) =>
    operation(pool, call.metadata.get('x-account-id')[0], call.request).then(
      (response) => callback(null, response),
      (error) =>
        callback({ code: error.code in grpc.status ? error.code : grpc.status.INTERNAL, details: error.message }),
    );
  const server = new grpc.Server();
  server.addService(Pools.service, {
    DescribePools: answer(describePools),
    CreatePool: answer(createPool),
  });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
    if (error) throw error;
    process.send({ port: bound });
  });
}

if (cluster.isPrimary) {
  // All ask for port 0 and get the same one (node:cluster): the primary hands each process the next connection.
  const workers = Array.from({ length: Number(processes) }, () => cluster.fork());
  let listening = 0;
  cluster.on('message', (worker, { port }) => {
    if (++listening === workers.length) console.log(`ready 127.0.0.1:${port}`);
  });
  cluster.on('exit', () => process.exit(1));
  process.stdin.resume().on('end', () => process.exit());
  process.on('exit', () => workers.forEach((worker) => worker.process.kill()));
} else {
  process.on('disconnect', () => process.exit());
  serve();
}
