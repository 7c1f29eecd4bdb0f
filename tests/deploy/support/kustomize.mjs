// Kustomizations, rendered by `kubectl kustomize`.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

// As Kubernetes reads it, for which 0440 is octal.
const asKubernetes = { version: '1.1', merge: false };

function kubectl(...args) {
  return execFileSync('kubectl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 24 });
}

// Up to 1.20, which Debian 12 has, kubectl knows the kustomizations of 2019, which spell two things in another way.
function isOld() {
  return Number(JSON.parse(kubectl('version', '--client', '--output=json')).clientVersion.minor.replace('+', '')) < 21;
}

function spelledTheOldWay(directory) {
  for (const name of readdirSync(directory, { recursive: false })) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) spelledTheOldWay(path);
    if (basename(path) !== 'kustomization.yaml') continue;
    const { patches, ...kustomization } = parse(readFileSync(path, 'utf8'));
    const isDirectory = (resource) => statSync(join(directory, resource)).isDirectory();
    kustomization.bases = kustomization.resources.filter(isDirectory);
    kustomization.resources = kustomization.resources.filter((resource) => !isDirectory(resource));
    if (patches) kustomization.patchesStrategicMerge = patches.map((patch) => patch.path);
    writeFileSync(path, stringify(kustomization));
  }
}

// The objects of deploy/`path`, in the order in which they are applied.
export function render(path) {
  let deploy = join(root, 'deploy');
  let copy;
  if (isOld()) {
    copy = mkdtempSync(join(tmpdir(), 'poold-deploy-'));
    cpSync(deploy, copy, { recursive: true });
    spelledTheOldWay(copy);
    deploy = copy;
  }
  try {
    return parseAllDocuments(kubectl('kustomize', join(deploy, path)), asKubernetes).map((document) => {
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS();
    });
  } finally {
    if (copy) rmSync(copy, { recursive: true });
  }
}
