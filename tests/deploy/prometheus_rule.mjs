// Prints deploy/telemetry/prometheus-rule.yaml: the rules of alerts.yaml, as the Prometheus operator takes them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { root } from './support/kustomize.mjs';

export function prometheusRule() {
  const { groups } = parse(readFileSync(join(root, 'deploy/telemetry/alerts.yaml'), 'utf8'));
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'poold', labels: { 'app.kubernetes.io/name': 'poold' } },
    spec: { groups },
  };
  return `# Made from alerts.yaml: node tests/deploy/prometheus_rule.mjs >deploy/telemetry/prometheus-rule.yaml\n${stringify(rule, { lineWidth: 0 })}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(prometheusRule());
