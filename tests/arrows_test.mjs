// Shows that the compiler keeps the arrows of ARCHITECTURE.md: a folder's library sees the headers of the folders that it
// may use, and no others.
//
//   node --test arrows_test.mjs, with BUILD (a build tree) and SOURCE in the environment
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const { BUILD: build, SOURCE: source } = process.env;

// What each folder's sources may include besides their own headers.
const postgres = ['storage/postgres', 'storage/values'];
const rpc = ['server/rpc', 'server/base', 'storage/values'];
const storage = ['storage', ...postgres];
const arrows = {
  'storage/values': [],
  'storage/postgres': ['storage/values'],
  storage: postgres,
  'storage/embedded': postgres,
  'server/base': ['storage/values'],
  'server/rpc': ['server/base', 'storage/values'],
  'server/telemetry': rpc,
  'server/middleware': [...rpc, ...storage, 'server/telemetry'],
  'server/handlers': [...rpc, ...storage],
  'server/pipeline': [...rpc, ...storage, 'server/telemetry', 'server/middleware', 'server/handlers'],
  'server/transport': [...rpc, 'server/telemetry', 'server/pipeline'],
  'server/program': [
    ...rpc,
    ...storage,
    'storage/embedded',
    'server/telemetry',
    'server/middleware',
    'server/handlers',
    'server/pipeline',
    'server/transport',
  ],
};
const folders = Object.keys(arrows);

const commands = JSON.parse(readFileSync(path.join(build, 'compile_commands.json'), 'utf8'));

const headersOf = (folder) => readdirSync(path.join(source, folder)).filter((name) => name.endsWith('.h'));

// How some source of the folder is compiled; undefined if the folder has headers only.
const commandOf = (folder) => commands.find(({ file }) => path.dirname(file) === path.join(source, folder));

const includeRootsOf = ({ command }) => [...command.matchAll(/-I(\S+)/g)].map(([, root]) => root);

for (const folder of folders.filter(commandOf)) {
  test(`${folder} sees what it may use, and nothing else`, () => {
    const roots = includeRootsOf(commandOf(folder));
    const seen = folders.filter((other) =>
      headersOf(other).some((header) => roots.some((root) => existsSync(path.join(root, other, header)))),
    );
    assert.deepEqual(seen.sort(), [...new Set([folder, ...arrows[folder]])].sort());
  });
}

test('every folder with sources has a library', () => {
  const all = ['server', 'storage'].flatMap((parent) => [
    parent,
    ...readdirSync(path.join(source, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${parent}/${name}`),
  ]);
  const withSources = all.filter((folder) => readdirSync(path.join(source, folder)).some((name) => /\.(cc|h)$/.test(name)));
  assert.deepEqual(withSources.sort(), ['server', ...folders].sort()); // server/main.cc
});

// Compiles one include as the folder's sources are compiled.
function include(folder, header) {
  const work = mkdtempSync(path.join(os.tmpdir(), 'poold-arrows-'));
  try {
    writeFileSync(path.join(work, 'tried.cc'), `#include "${header}"\n`);
    const { command, directory } = commandOf(folder);
    const compiler = /\S*(?:clang|g)?\+\+\S*/.exec(command)[0];
    const roots = includeRootsOf(commandOf(folder)).flatMap((root) => ['-I', root]);
    return spawnSync(compiler, ['-std=c++20', '-fsyntax-only', ...roots, path.join(work, 'tried.cc')], {
      cwd: directory,
      encoding: 'utf8',
    });
  } finally {
    rmSync(work, { recursive: true });
  }
}

test('an include against an arrow does not compile', () => {
  const against = include('server/handlers', 'server/transport/fair_share.h');
  assert.notEqual(against.status, 0);
  assert.match(against.stderr, /server\/transport\/fair_share\.h: No such file|'server\/transport\/fair_share\.h' file not found/);
  assert.equal(include('server/transport', 'server/transport/fair_share.h').stderr, '');
});
