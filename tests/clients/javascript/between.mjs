// A proxy between a client and servers that does with each request what the test says.

import http from 'node:http';
import { once } from 'node:events';

async function bytesOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

// Sends the first request to the first of `endpoints`, the next to the next, and all further ones to the last. Of
// { lost: endpoint } the client never gets the answer: its connection ends instead, after the server has answered.
// `use` gets the proxy's endpoint and the list of the bodies that came.
export async function between(endpoints, use) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    const body = await bytesOf(request);
    requests.push(JSON.parse(body));
    const endpoint = endpoints[Math.min(requests.length, endpoints.length) - 1];
    const onward = http.request(endpoint.lost ?? endpoint, { method: 'POST', headers: request.headers, agent: false });
    onward.end(body);
    const [answer] = await once(onward, 'response');
    const content = await bytesOf(answer);
    if (endpoint.lost) {
      request.socket.destroy();
    } else {
      response.writeHead(answer.statusCode, answer.headers).end(content);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(`http://127.0.0.1:${server.address().port}`, requests);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
