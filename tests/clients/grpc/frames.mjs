// A TCP proxy between a gRPC client and the server that notes the HTTP/2 frames that pass.

import { EventEmitter, once } from 'node:events';
import net from 'node:net';

export const DATA = 0;
export const PING = 6;
export const GOAWAY = 7;
export const ACK = 1;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'.length;
const HEADER = 9;

export class Frames extends EventEmitter {
  noted = []; // { sender: 'client' | 'server', type, flags, payload }
  connections = 0;

  static async before(address) {
    const frames = new Frames();
    const [host, port] = address.split(':');
    frames.listener = net.createServer((client) => {
      frames.connections += 1;
      const server = net.connect(Number(port), host);
      frames.#relay('client', client, server, PREFACE);
      frames.#relay('server', server, client, 0);
    });
    frames.listener.listen(0, '127.0.0.1');
    await once(frames.listener, 'listening');
    frames.address = `127.0.0.1:${frames.listener.address().port}`;
    return frames;
  }

  close() {
    this.listener.close();
  }

  // The frames of that sender and type with all of these flags.
  of(sender, type, flags = 0) {
    return this.noted.filter((one) => one.sender === sender && one.type === type && (one.flags & flags) === flags);
  }

  #relay(sender, source, target, preface) {
    let passed = Buffer.alloc(0);
    let skipped = preface;
    source.on('error', () => target.destroy());
    source.on('end', () => target.end());
    source.on('data', (data) => {
      target.write(data);
      passed = Buffer.concat([passed, data]);
      if (passed.length < skipped) return;
      passed = this.#note(sender, passed.subarray(skipped));
      skipped = 0;
    });
  }

  // Notes the whole frames at the beginning of these bytes and returns the rest.
  #note(sender, bytes) {
    let passed = bytes;
    while (passed.length >= HEADER && passed.length >= HEADER + passed.readUIntBE(0, 3)) {
      const end = HEADER + passed.readUIntBE(0, 3);
      this.noted.push({ sender, type: passed[3], flags: passed[4], payload: passed.subarray(HEADER, end) });
      this.emit('frame');
      passed = passed.subarray(end);
    }
    return passed;
  }
}
