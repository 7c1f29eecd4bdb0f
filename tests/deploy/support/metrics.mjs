// The metrics of poold (GET /metrics), with their labels; null stands for any value.

import { readFileSync } from 'node:fs';
import { questionsOf } from './promql.mjs';

export const metrics = JSON.parse(readFileSync(new URL('../metrics.json', import.meta.url), 'utf8'));

// What Prometheus itself adds to each series, and series of its own.
const targetLabels = { job: null, instance: null, namespace: null, pod: null };
const prometheusOwn = { up: {}, ALERTS: { alertname: null, alertstate: null } };

// The labels of a series, or undefined if there is no such series.
function labelsOf(series) {
  if (series in prometheusOwn) return { ...prometheusOwn[series], ...targetLabels };
  const [, base, suffix] = /^(.*?)(_bucket|_count|_sum)?$/.exec(series);
  if (metrics[base]?.type === 'histogram') {
    return suffix && { ...metrics[base].labels, ...targetLabels, ...(suffix === '_bucket' ? { le: null } : {}) };
  }
  return metrics[series] && { ...metrics[series].labels, ...targetLabels };
}

// What an expression asks for that poold doesn't have: series, labels and values. `others`: further names of series.
export function strangersIn(expression, others) {
  const strangers = [];
  const { selectors, groupings } = questionsOf(expression);
  const known = new Set();
  for (const { metric, labels } of selectors) {
    if (others.includes(metric)) continue;
    const ours = labelsOf(metric);
    if (!ours) strangers.push(metric);
    for (const label of Object.keys(ours ?? {})) known.add(label);
    for (const [label, [operator, value]] of Object.entries(labels)) {
      if (!ours || !(label in ours)) strangers.push(`${metric}{${label}}`);
      else if (ours[label]) {
        for (const one of operator.includes('~') ? value.split('|') : [value]) {
          if (!ours[label].includes(one)) strangers.push(`${metric}{${label}="${one}"}`);
        }
      }
    }
  }
  for (const label of groupings) {
    if (!known.has(label)) strangers.push(`by (${label})`);
  }
  return strangers;
}
