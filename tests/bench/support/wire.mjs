// What a program sends to PostgreSQL, in which transactions and round trips: read from the wire, between the two.
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';

// What is in a message, piece after piece.
function piecesOf(body) {
  let at = 0;
  const bytes = (length) => body.subarray(at, (at += length));
  const number = () => bytes(2).readUInt16BE();
  return {
    text: () => {
      const text = bytes(body.indexOf(0, at) - at).toString();
      at += 1;
      return text;
    },
    list: (piece) => Array.from({ length: number() }, piece),
    number,
    value: () => {
      const length = bytes(4).readInt32BE();
      return length < 0 ? null : bytes(length).toString();
    },
  };
}

// Follows one connection: `read` is given all bytes that the program sends. What it can't follow, it throws.
function follow() {
  const statements = new Map(); // SQL by name
  const portals = new Map(); // {sql, values} by name
  const transactions = [];
  let transaction = []; // round trips
  let roundTrip = []; // statements
  let begun = false;

  const execute = (statement) => {
    roundTrip.push(statement);
    if (/^BEGIN\b/i.test(statement.sql)) begun = true;
    if (/^(COMMIT|ROLLBACK)\b/i.test(statement.sql)) begun = false;
  };
  const end = () => {
    if (roundTrip.length > 0) transaction.push(roundTrip); // not where it only prepared: it does so once
    if (!begun && transaction.length > 0) transactions.push(transaction.splice(0));
    roundTrip = [];
  };
  const ignore = () => {};
  const messages = {
    // Parse, Bind, Execute, Sync
    P: ({ text }) => statements.set(text(), text()),
    B: ({ text, list, number, value }) => {
      const [portal, name, formats, values] = [text(), text(), list(number), list(value)];
      if (formats.some((format) => format !== 0)) throw new Error(`binary parameters: ${statements.get(name)}`);
      portals.set(portal, { sql: statements.get(name), values });
    },
    E: ({ text }) => execute(portals.get(text())),
    S: end,
    // Query
    Q: ({ text }) => {
      const parts = text()
        .split(';')
        .map((part) => part.trim())
        .filter(Boolean);
      for (const sql of parts) execute({ sql, values: [] });
      end();
    },
    // Flush (asks for the answers so far, and costs no round trip), Close, Describe, a password, Terminate
    H: ignore,
    C: ignore,
    D: ignore,
    p: ignore,
    X: ignore,
  };

  let unread = Buffer.alloc(0);
  let started = false; // until then messages have no type
  const read = (bytes) => {
    unread = Buffer.concat([unread, bytes]);
    for (;;) {
      const header = started ? 1 : 0;
      if (unread.length < header + 4) return;
      const size = header + unread.readInt32BE(header);
      if (unread.length < size) return;
      const type = String.fromCharCode(unread[0]);
      const body = unread.subarray(header + 4, size);
      unread = unread.subarray(size);
      if (!started) {
        started = body.readInt32BE() === 0x30000; // rather than a request to encrypt or cancel
      } else if (messages[type]) {
        messages[type](piecesOf(body));
      } else {
        throw new Error(`a message of type ${type} to PostgreSQL cannot be recorded`);
      }
    }
  };
  return { read, take: () => transactions.splice(0) };
}

// Listens on a socket in `folder` for what is to go to the PostgreSQL of `url`, which is on a socket, too. Gives the `url`
// to go there, and `take`: what ended since it was last called, for each connection its transactions (or a statement on
// its own), of round trips, of statements {sql, values}.
export async function tap(url, folder) {
  const { searchParams } = new URL(url);
  const socketIn = (directory) => path.join(directory, `.s.PGSQL.${searchParams.get('port')}`);
  const connections = [];
  const server = net.createServer((program) => {
    const connection = follow();
    connections.push(connection);
    const postgres = net.connect(socketIn(searchParams.get('host')));
    program.on('data', connection.read); // before it goes on: who has the answer finds the statement here
    program.pipe(postgres).pipe(program);
    program.on('error', () => postgres.destroy());
    postgres.on('error', () => program.destroy());
  });
  await once(server.listen(socketIn(folder)), 'listening');
  return {
    url: url.replace(/host=[^&]*/, `host=${encodeURIComponent(folder)}`),
    take: () => connections.map((connection) => connection.take()),
    close: () => server.close(),
  };
}
