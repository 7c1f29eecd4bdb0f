// Where a run keeps what it needs, and how it tells what it does.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// A folder `work`, removed at the end, into which PostgreSQL may look; and a function that gives an empty folder of a
// name in `reports`.
export function makeScratch(name, reports) {
  const work = mkdtempSync(path.join(os.tmpdir(), `poold-${name}-`));
  chmodSync(work, 0o711); // PostgreSQL, which doesn't run as root, passes through
  process.on('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const emptyFolder = (its) => {
    const folder = path.join(reports, its);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return folder;
  };
  return { work, emptyFolder };
}

const began = performance.now();
// How long the run has taken so far.
export const secondsSoFar = () => ((performance.now() - began) / 1000).toFixed(0);
export const say = (text) => console.log(`[${secondsSoFar().padStart(3)} s] ${text}`);
