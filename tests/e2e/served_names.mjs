// The names of members as grpcurl shows them, which knows nothing but what the server's reflection says: the json_name of
// a field or, where the served descriptor has none, the field's name in the .proto file.
//
//   node served_names.mjs HOST:PORT SYMBOL    prints {"phoneNumberId": "phoneNumberId", …}: by the name that protobuf
//                                             itself would make up. Exit 3: nothing of that name is served.
import http2 from 'node:http2';

const [address, symbol] = process.argv.slice(2);

// The fields of a protobuf message, in their order: [number, value], a value being a number or bytes.
function fieldsOf(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (size) => bytes.subarray(at, (at += size));
  const fields = [];
  while (at < bytes.length) {
    const tag = varint();
    const read = [varint, () => take(8), () => take(varint()), undefined, undefined, () => take(4)][tag % 8];
    fields.push([Math.floor(tag / 8), read()]);
  }
  return fields;
}

const all = (bytes, number) => fieldsOf(bytes).flatMap(([its, value]) => (its === number ? [value] : []));
const text = (bytes, number) => all(bytes, number)[0]?.toString();

// descriptor.proto: FileDescriptorProto.message_type = 4; DescriptorProto.field = 2, nested_type = 3;
// FieldDescriptorProto.name = 1, json_name = 10.
function collect(message, names) {
  for (const field of all(message, 2)) {
    const name = text(field, 1);
    names[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())] = text(field, 10) ?? name;
  }
  for (const nested of all(message, 3)) collect(nested, names);
}

// ServerReflectionRequest.file_containing_symbol = 4; names of up to 127 bytes are enough here.
function ask() {
  const question = Buffer.concat([Buffer.from([0x22, symbol.length]), Buffer.from(symbol)]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(question.length, 1);
  return new Promise((resolve, reject) => {
    const connection = http2.connect(`http://${address}`).on('error', reject);
    const stream = connection.request({
      ':method': 'POST',
      ':path': '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
    stream.on('close', () => {
      connection.close();
      resolve(Buffer.concat(chunks).subarray(5));
    });
    stream.end(Buffer.concat([frame, question]));
  });
}

// ServerReflectionResponse.file_descriptor_response = 4; FileDescriptorResponse.file_descriptor_proto = 1.
const [files] = all(await ask(), 4);
if (!files) process.exit(3);
const names = {};
for (const file of all(files, 1)) for (const message of all(file, 4)) collect(message, names);
console.log(JSON.stringify(names));
