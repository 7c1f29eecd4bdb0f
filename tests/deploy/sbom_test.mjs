// deploy/sbom-check.sh, with a bill of materials of a few of this machine's packages and a small piece of the tracker's data.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from './support/kustomize.mjs';

// What the image has of Debian: the source package and its version, by the name of a package.
const installed = (name) =>
  execFileSync('dpkg-query', ['--show', '--showformat=${source:Package} ${source:Version}', name], { encoding: 'utf8' });

describe('sbom-check', () => {
  let directory;
  let sbom;
  const [glibc, version] = installed('libc6').split(' ');

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'poold-sbom-'));
    sbom = join(directory, 'sbom.json');
    const packages = ['libc6', 'base-files', 'libc6-dev'].map((name) => ({ name, sourceInfo: `built package from: ${installed(name)}` }));
    writeFileSync(sbom, JSON.stringify({ packages: [{ name: 'poold' }, ...packages] }));
  });

  after(() => rmSync(directory, { recursive: true }));

  // `entries`: {CVE: what the tracker says of it in Debian 12}, all of glibc.
  function check(entries, file = 'tracker.json') {
    const tracker = join(directory, file);
    const ofGlibc = Object.fromEntries(
      Object.entries(entries).map(([cve, bookworm]) => [cve, { releases: { bookworm, sid: { status: 'resolved', fixed_version: '99' } } }]),
    );
    writeFileSync(tracker, JSON.stringify({ [glibc]: ofGlibc, openssl: {}, 'not-in-the-image': { 'CVE-2020-0005': {} } }));
    return run(sbom, tracker);
  }

  function run(...args) {
    const { status, stdout, stderr } = spawnSync(join(root, 'deploy/sbom-check.sh'), args, { encoding: 'utf8' });
    return { status, stdout, stderr };
  }

  test('reads what the image says of its packages', () => {
    const script = readFileSync(join(root, 'deploy/container/sbom.sh'), 'utf8');
    assert.match(script, /"sourceInfo": "built package from: \$\{source:Package\} \$\{source:Version\}"/);
  });

  test('fails for what Debian has fixed and the image has not', () => {
    const { status, stdout } = check({ 'CVE-2020-0001': { status: 'resolved', fixed_version: `${version}.1`, urgency: 'high' } });
    assert.equal(status, 1, stdout);
    assert.match(stdout, /to update, by POOLD_NO_CACHE=yes make image:\n {2}glibc \S+: CVE-2020-0001 is fixed in /);
  });

  test('says nothing of what the image has, never had, or is unimportant', () => {
    const { status, stdout } = check({
      'CVE-2020-0001': { status: 'resolved', fixed_version: version, urgency: 'high' },
      'CVE-2020-0002': { status: 'resolved', fixed_version: '0', urgency: 'high' },
      'CVE-2020-0003': { status: 'open', urgency: 'unimportant' },
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /\nnothing to update\n$/);
    assert.doesNotMatch(stdout, /CVE/);
  });

  test('lists what is not fixed, and does not fail for it', () => {
    const { status, stdout } = check({ 'CVE-2020-0004': { status: 'open', urgency: 'not yet assigned' } });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /open, to be judged:\n {2}glibc \S+: CVE-2020-0004 is not fixed in Debian \(urgency: not-yet-assigned\)\n/);
  });

  test('says how old the data are', () => {
    const old = new Date(Date.now() - 30 * 86400 * 1000);
    check({}, 'old.json');
    utimesSync(join(directory, 'old.json'), old, old);
    const { stdout } = run(sbom, join(directory, 'old.json'));
    assert.match(stdout, new RegExp(`source packages, checked with data of ${old.toISOString().slice(0, 10)}\nthe data are (29|30) days old`));
  });

  test('says what it needs, with exit code 2', () => {
    const noSbom = run(join(directory, 'none'), sbom);
    assert.equal(noSbom.status, 2);
    assert.match(noSbom.stderr, /run: make image/);
    const noData = run(sbom, join(directory, 'none'));
    assert.equal(noData.status, 2);
    assert.match(noData.stderr, /run:\n {2}curl --fail --output \S+none https:\/\/security-tracker\.debian\.org\/tracker\/data\/json/);
    const wrongData = run(sbom, sbom);
    assert.equal(wrongData.status, 2);
    assert.match(wrongData.stderr, /not the whole of the tracker's data/);
  });
});
