// Huge pages for the database's shared memory, as one gives them to a database that has gigabytes of it: of pages of 4 kB
// the processor would know only a small part by heart, and spend its time on finding the others.
import { readFileSync, writeFileSync } from 'node:fs';

const setting = '/proc/sys/vm/nr_hugepages';
const megabytesEach = 2;

// Reserves enough of them until this process ends, and gives what PostgreSQL is told about them and what the report says.
export function reserveHugePages(megabytes) {
  try {
    const before = Number(readFileSync(setting, 'utf8'));
    const wanted = before + Math.ceil(megabytes / megabytesEach);
    const set = (count) => writeFileSync(setting, String(count));
    set(wanted);
    process.on('exit', () => set(before));
    const got = Number(readFileSync(setting, 'utf8'));
    if (got >= wanted) return { setting: 'huge_pages=on', about: 'in huge pages' };
    set(before);
    return { setting: 'huge_pages=off', about: 'in pages of 4 kB, since memory is too fragmented for huge ones' };
  } catch (error) {
    return { setting: 'huge_pages=off', about: `in pages of 4 kB, since huge ones cannot be reserved (${error.code ?? error.message}; root can)` };
  }
}
