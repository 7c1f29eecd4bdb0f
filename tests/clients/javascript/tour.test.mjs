// docs/tour/javascript.md goes as it says.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { ENDPOINT, newAccount } from './client.mjs';

test('five minutes with the SDK', async () => {
  const page = await readFile(new URL('../../../docs/tour/javascript.md', import.meta.url), 'utf8');
  const code = page.match(/^```js\n(.*?)^```$/ms)[1];
  const shown = page.match(/^```text\n(.*?)^```$/ms)[1];

  const directory = await mkdtemp(join(process.env.POOLD_WORK, 'tour-'));
  await symlink(new URL('../node_modules', import.meta.url).pathname, join(directory, 'node_modules'));
  const file = join(directory, 'five-minutes.mjs');
  await writeFile(file, code.replaceAll('http://127.0.0.1:8080', ENDPOINT).replaceAll('123456789012', newAccount()));
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  assert.equal(stdout, shown);
});
