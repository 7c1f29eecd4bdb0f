// Links in the documents lead somewhere: each file and each heading that a Markdown file of this repository links to, and
// each source file that one names.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

function documents(folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(\..*|build|node_modules)$/.test(entry.name) ? [] : documents(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

// The text with its fenced blocks emptied: a comment of a shell is no heading.
const prose = (path) => readFileSync(path, 'utf8').replace(/^ *```.*?^ *```$/gms, '');

// As GitHub makes anchors of headings: the second of one name gets -1.
function anchors(path) {
  const seen = new Map();
  return [...prose(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

test('every link leads to a file, and to a heading of it', () => {
  let links = 0;
  for (const path of documents()) {
    for (const [, target] of prose(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [file, anchor] = target.split('#');
      const to = file === '' ? path : join(dirname(path), file);
      const where = `${relative(root, path)} links to ${target}`;
      assert.ok(existsSync(to), where);
      if (anchor !== undefined) assert.ok(anchors(to).includes(anchor), where);
      links += 1;
    }
  }
  assert.ok(links > 100, `only ${links} links`);
});

test('every source file that is named is there', () => {
  let names = 0;
  for (const path of documents()) {
    for (const [, name] of prose(path).matchAll(/`((?:server|storage|proto|tests|docs|deploy)\/[\w./-]+\.\w+)`/g)) {
      assert.ok(existsSync(join(root, name)), `${relative(root, path)} names ${name}`);
      names += 1;
    }
  }
  assert.ok(names > 30, `only ${names} names`);
});
