// What the compiler and the linker do against memory errors, as readelf sees it in the program (POOLD=its path).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { describe, test } from 'node:test';

const poold = process.env.POOLD;

const readelf = (...options) => execFileSync('readelf', ['--wide', ...options, poold], { encoding: 'utf8', maxBuffer: 1 << 28 });

// The names of what the program takes from libraries, without versions.
const imported = [...readelf('--dyn-syms').matchAll(/ UND ([^\s@]+)/g)].map(([, name]) => name);

describe('the program', () => {
  test('is position-independent', () => {
    assert.ok(/Type: +DYN /.test(readelf('--file-header')));
    assert.ok(/\(FLAGS_1\).*\bPIE\b/.test(readelf('--dynamic')));
  });

  test('binds everything at its start, and can then no longer change where it leads', () => {
    assert.ok(/\(FLAGS(_1)?\).*\b(BIND_)?NOW\b/.test(readelf('--dynamic')));
    assert.ok(readelf('--program-headers').includes('GNU_RELRO'));
  });

  test('has no stack that can be run, and no memory that can be written to and run', () => {
    const segments = [...readelf('--program-headers').matchAll(/^ +(LOAD|GNU_STACK) .* ([R ][W ][E ]) +0x/gm)];
    assert.ok(segments.some(([, type]) => type === 'GNU_STACK'));
    for (const [line, , flags] of segments) assert.ok(!(flags.includes('W') && flags.includes('E')), line);
  });

  test('has canaries on its stack', () => {
    assert.ok(imported.includes('__stack_chk_fail'));
  });

  test('calls functions of the C library that check lengths', () => {
    const fortified = imported.filter((name) => /^__\w+_chk$/.test(name) && name !== '__stack_chk_fail');
    assert.ok(fortified.length >= 2, fortified.join());
  });

  test('has landing pads where functions begin', { skip: process.arch !== 'x64' && 'only x86_64 has them' }, () => {
    const sections = new Map(
      [...readelf('--sections').matchAll(/^ +\[ *(\d+)\] \S+ +\S+ +([0-9a-f]+) ([0-9a-f]+)/gm)].map(([, ...values]) => [
        values[0],
        { address: parseInt(values[1], 16), offset: parseInt(values[2], 16) },
      ]),
    );
    // Those that can be called from elsewhere: the compiler knows all callers of the others, and of pieces that it made.
    const functions = [...readelf('--symbols').matchAll(/: ([0-9a-f]+) +\d+ FUNC +\w+ +\w+ +(\d+) (_ZN5poold[^L]\w+)$/gm)]
      .filter(([, , , name]) => !name.includes('_GLOBAL__N_'))
      .slice(0, 500);
    assert.ok(functions.length > 100, `${functions.length} functions of poold's`);
    const file = openSync(poold, 'r');
    const without = functions.filter(([, address, section]) => {
      const { address: begin, offset } = sections.get(section);
      const bytes = Buffer.alloc(4);
      readSync(file, bytes, 0, 4, parseInt(address, 16) - begin + offset);
      return bytes.toString('hex') !== 'f30f1efa'; // endbr64
    });
    closeSync(file);
    assert.deepEqual(
      without.map(([, , , name]) => name),
      [],
    );
  });
});
