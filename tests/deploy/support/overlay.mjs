// An overlay of deploy/kubernetes, rendered, and what one asks of it.

import { render } from './kustomize.mjs';

const units = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, ms: 0.001, s: 1, m: 60, h: 3600 };

// "1280Mi" in bytes, "90s" or "1m" in seconds.
export function amount(text) {
  const [, number, unit] = /^(\d+)([A-Za-z]*)$/.exec(text);
  return Number(number) * (unit === '' ? 1 : units[unit]);
}

export class Overlay {
  constructor(name) {
    this.name = name;
    this.objects = render(`kubernetes/overlays/${name}`);
  }

  all(...kinds) {
    return this.objects.filter((object) => kinds.includes(object.kind));
  }

  get(kind, name) {
    const found = this.all(kind).find((object) => object.metadata.name === name);
    if (!found) throw new Error(`${this.name} has no ${kind} ${name}`);
    return found;
  }

  has(kind, name) {
    return this.all(kind).some((object) => object.metadata.name === name);
  }

  // The pod templates that we write ourselves: [{owner, metadata, spec}].
  pods() {
    return this.all('Deployment', 'StatefulSet', 'Job').map((owner) => ({
      owner: `${owner.kind} ${owner.metadata.name}`,
      ...owner.spec.template,
    }));
  }

  pod(name) {
    return this.pods().find(({ owner }) => owner === name);
  }

  // The labels of every kind of pod that will run, those of CloudNativePG's with them.
  podLabels() {
    return [
      ...this.pods().map(({ metadata }) => metadata.labels),
      ...this.all('Cluster').map(({ metadata, spec }) => ({
        'cnpg.io/cluster': metadata.name,
        ...spec.inheritedMetadata?.labels,
      })),
      ...this.all('Pooler').map(({ metadata, spec }) => ({
        'cnpg.io/poolerName': metadata.name,
        ...spec.template?.metadata?.labels,
      })),
    ];
  }

  // Whether a selector finds any of those.
  selects({ matchLabels = {} }) {
    return this.podLabels().some((labels) =>
      Object.entries(matchLabels).every(([label, value]) => labels[label] === value),
    );
  }

  // The environment of the pod's only container.
  environment(pod) {
    const [container] = pod.spec.containers;
    const settings = (container.envFrom ?? []).map(({ configMapRef }) => this.get('ConfigMap', configMapRef.name).data);
    const own = (container.env ?? [])
      .filter(({ value }) => value !== undefined)
      .map(({ name, value }) => [name, value]);
    return Object.assign({}, ...settings, Object.fromEntries(own));
  }

  // Of the pods that serve.
  settings() {
    return this.environment(this.pod('Deployment poold'));
  }
}
