// Kubernetes' own schemas, and those of the operators.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const operators = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'postgresql.cnpg.io': '@kubernetes-models/cloudnative-pg',
};

function modelOf({ apiVersion, kind }) {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const model = require(`${operators[group] ?? 'kubernetes-models'}/${apiVersion}`)[kind];
  if (!model) throw new Error(`there is no ${kind} in ${apiVersion}`);
  return model;
}

// The same value, which notes in `read` the path of each member that somebody reads.
function watched(value, read, path = '') {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return target[key];
      read.add(`${path}/${key}`);
      return watched(target[key], read, `${path}/${key}`);
    },
  });
}

function paths(value, path = '') {
  if (value === null || typeof value !== 'object') return [];
  return Object.keys(value).flatMap((key) => [`${path}/${key}`, ...paths(value[key], `${path}/${key}`)]);
}

// What is wrong with an object: a list of sentences. The schemas allow members that they don't know, which Kubernetes
// refuses or drops: nearly always a name that is misspelled. They are those that validation never reads.
export function mistakes(object) {
  const model = modelOf(object);
  const read = new Set();
  try {
    model.prototype.validate.call(watched(object, read));
  } catch (error) {
    return [error.message];
  }
  return paths(object)
    .filter((path) => !read.has(path))
    .filter((path, _, all) => !all.includes(path.slice(0, path.lastIndexOf('/'))))
    .map((path) => `${path} is unknown`);
}
