// Callers: one for each account, known by a bearer key, and by an AWS access key to the AWS endpoint.
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

// Makes `count` of them and writes into `folder` what poold reads, `access`, and what bench_driver reads, `keys`.
export function makeCallers(folder, count) {
  const callers = Array.from({ length: count }, (_, i) => ({
    account: String(100000000001 + i),
    key: randomBytes(24).toString('base64url'),
    id: `AKIABENCH${String(i).padStart(11, '0')}`,
    secret: randomBytes(24).toString('base64url'),
  }));
  const keys = path.join(folder, 'keys');
  const access = path.join(folder, 'access.yaml');
  writeFileSync(keys, callers.map(({ account, key }) => `${account} ${key}\n`).join(''));
  writeFileSync(
    access,
    'principals:\n' +
      callers
        .map(
          ({ account, key, id, secret }) =>
            `  - name: caller-${account}\n    account: "${account}"\n` +
            `    bearer_keys: [{sha256: ${createHash('sha256').update(key).digest('hex')}}]\n` +
            `    access_keys: [{id: ${id}, secret: "${secret}"}]\n`,
        )
        .join(''),
  );
  return { callers, keys, access };
}
