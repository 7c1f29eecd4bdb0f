// Equal shares of the processor for all that a run starts, as in containers. Where the kernel groups programs by session
// (sched_autogroup, on by default), each process of PostgreSQL, which makes a session for each, would weigh as much as
// a whole server with all its threads. Programs in a control group of their own are not grouped so.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// Where a group can be made below the one that this process is in: with cgroups of version 1 or 2.
function parentGroup() {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' '));
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n').map((line) => line.split(':'));
  const first = mounts.find(([, , type, options]) => type === 'cgroup' && options.split(',').includes('cpu'));
  if (first) return path.join(first[1], own.find(([, controllers]) => controllers.split(',').includes('cpu'))[2]);
  const second = mounts.find(([, , type]) => type === 'cgroup2');
  if (!second) throw new Error('no control groups');
  const group = path.join(second[1], own.find(([number]) => number === '0')[2]);
  writeFileSync(path.join(group, 'cgroup.subtree_control'), '+cpu');
  return group;
}

// From now on this process and those that it starts are equals. Gives what the report says of it.
export function shareEqually() {
  try {
    const parent = parentGroup();
    const group = path.join(parent, `poold-bench-${process.pid}`);
    const enter = (where) => writeFileSync(path.join(where, 'cgroup.procs'), String(process.pid));
    mkdirSync(group);
    enter(group);
    process.on('exit', () => {
      try {
        enter(parent);
        rmdirSync(group);
      } catch {
        // Somebody still ends in it.
      }
    });
    return 'all in one control group: equal shares of the processor for all threads';
  } catch (error) {
    return `shares of the processor as the kernel gives them to sessions, since no control group can be made (${error.code ?? error.message}; root can)`;
  }
}
