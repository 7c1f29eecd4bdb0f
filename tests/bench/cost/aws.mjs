// Calls of the AWS endpoint, signed (AWS Signature Version 4), one after the other on one connection.
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';

const hash = (text) => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

function signed({ id, secret }, host, target, body) {
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d*/g, '');
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    host,
    'x-amz-date': date,
    'x-amz-target': `PinpointSMSVoiceV2.${target}`,
  };
  const names = Object.keys(headers).join(';');
  const listed = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const request = ['POST', '/', '', listed.join(''), names, hash(body)].join('\n');
  const parts = [date.slice(0, 8), 'us-east-1', 'sms-voice', 'aws4_request'];
  const key = parts.reduce(hmac, `AWS4${secret}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, parts.join('/'), hash(request)].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${id}/${parts.join('/')}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

function post(agent, host, headers, body) {
  return new Promise((resolve, reject) => {
    const [hostname, port] = host.split(':');
    const request = http.request({ agent, hostname, port, method: 'POST', path: '/', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    request.on('error', reject).end(body);
  });
}

// So many DescribePools of a pool by its id, by a caller of support/callers.mjs. Throws unless each is answered with it.
export async function describeByAws(host, caller, poolId, calls) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify({ PoolIds: [poolId] });
  for (let i = 0; i < calls; ++i) {
    const headers = { ...signed(caller, host, 'DescribePools', body), 'content-length': Buffer.byteLength(body) };
    const { status, text } = await post(agent, host, headers, body);
    if (status !== 200 || !text.includes(poolId)) throw new Error(`DescribePools over AWS: ${status} ${text}`);
  }
  agent.destroy();
}
