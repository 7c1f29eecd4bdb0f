// The programs that a run of the benchmark starts, and their ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import readline from 'node:readline';

const running = new Set();

// Nothing outlives this process.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

// Starts a program that says "ready ..." on its output; what it says on its errors goes to the file `log`. Its input begins
// with `input`, and ends when it is stopped.
export async function start(log, command, args, { env = {}, input = '' } = {}) {
  const began = performance.now();
  const errors = openSync(log, 'a');
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', errors] });
  running.add(child);
  child.stdin.on('error', () => {}).write(input);
  const ended = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return code;
  });
  const lines = [];
  const ready = await new Promise((resolve, reject) => {
    readline.createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      if (line.startsWith('ready ')) resolve(line.slice('ready '.length));
    });
    child.on('error', reject);
    ended.then((code) =>
      reject(new Error(`${command} ended with ${code}:\n${readFileSync(log, 'utf8').slice(-2000)}`)),
    );
  });
  return {
    pid: child.pid,
    ready,
    milliseconds: performance.now() - began, // until it was ready
    lines,
    // By the end of its input, or by SIGTERM for a program that doesn't read any.
    async stop(signal) {
      child.stdin.end();
      if (signal) child.kill(signal);
      return ended;
    },
    kilobytes: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]),
  };
}

// Runs a program to its end and gives its output; throws with its errors if it fails.
export async function run(command, args, { input = '', env = {} } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  running.add(child);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  child.stdin.on('error', () => {}).end(input);
  const [code] = await once(child, 'close');
  running.delete(child);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}\nended with ${code}:\n${errors || output}`);
  return output;
}
