import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from './support/kustomize.mjs';
import { amount, Overlay } from './support/overlay.mjs';
import { mistakes } from './support/schema.mjs';

const production = new Overlay('production');
const dev = new Overlay('dev');

// Secrets that nobody here makes: what README.md says to put there, and what CloudNativePG makes for its Cluster (the last two).
const secretsFromElsewhere = ['poold-access', 'poold-tls', 'poold-database-server', 'poold-database-app', 'poold-database-ca'];

test('a member that is misspelled is noticed, at any depth', () => {
  const deployment = structuredClone(production.get('Deployment', 'poold'));
  deployment.spec.template.spec.containers[0].livenessProbe.grpc.sevice = 'liveness';
  assert.deepEqual(mistakes(deployment), ['/spec/template/spec/containers/0/livenessProbe/grpc/sevice is unknown']);
});

test('a member of the wrong type is noticed', () => {
  const cluster = structuredClone(production.get('Cluster', 'poold-database'));
  cluster.spec.instances = 'three';
  assert.match(mistakes(cluster).join(), /instances must be integer/);
});

for (const overlay of [dev, production]) {
  describe(overlay.name, () => {
    for (const object of overlay.objects) {
      test(`${object.kind} ${object.metadata.name} meets its schema`, () => {
        assert.deepEqual(mistakes(object), []);
      });
    }

    test('pods use only settings, secrets, volumes and accounts that are there', () => {
      for (const { owner, spec } of overlay.pods()) {
        const secrets = [];
        for (const volume of spec.volumes ?? []) {
          if (volume.secret) secrets.push(volume.secret.secretName);
          for (const source of volume.projected?.sources ?? []) secrets.push(source.secret.name);
        }
        for (const secret of secrets) {
          assert.ok(
            overlay.has('Secret', secret) || (overlay === production && secretsFromElsewhere.includes(secret)),
            `${owner}: ${secret}`,
          );
        }
        const volumes = [
          ...(spec.volumes ?? []),
          ...(overlay.get(...owner.split(' ')).spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata),
        ];
        const mounts = spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
        assert.deepEqual(mounts.sort(), volumes.map(({ name }) => name).sort(), owner);
        for (const { envFrom = [] } of spec.containers) {
          for (const { configMapRef } of envFrom) overlay.get('ConfigMap', configMapRef.name);
        }
        if (spec.serviceAccountName) overlay.get('ServiceAccount', spec.serviceAccountName);
      }
    });

    test('selectors find pods, and ports have their names', () => {
      const portNames = overlay
        .pods()
        .flatMap(({ spec }) => spec.containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name)));
      for (const { metadata, spec } of overlay.all('Service')) {
        assert.ok(overlay.selects({ matchLabels: spec.selector }), metadata.name);
        for (const { targetPort } of spec.ports)
          assert.ok(portNames.includes(targetPort), `${metadata.name}: ${targetPort}`);
      }
      for (const { metadata, spec } of overlay.all('PodDisruptionBudget'))
        assert.ok(overlay.selects(spec.selector), metadata.name);
      for (const { metadata, spec } of overlay.all('NetworkPolicy')) {
        assert.ok(overlay.selects(spec.podSelector), metadata.name);
        for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
          for (const { port } of ports)
            assert.ok(typeof port === 'number' || portNames.includes(port), `${metadata.name}: ${port}`);
        }
      }
      for (const { spec } of overlay.all('ServiceMonitor')) {
        const [monitored] = overlay
          .all('Service')
          .filter(
            ({ metadata, spec: { ports } }) =>
              Object.entries(spec.selector.matchLabels).every(([label, value]) => metadata.labels[label] === value) &&
              ports.some(({ name }) => name === spec.endpoints[0].port),
          );
        assert.equal(monitored?.metadata.name, 'poold-http');
      }
      for (const { spec } of overlay.all('HorizontalPodAutoscaler'))
        overlay.get(spec.scaleTargetRef.kind, spec.scaleTargetRef.name);
    });

    test('every pod is as the restricted Pod Security Standard wants it, and can write nothing but its volumes', () => {
      const [{ metadata }] = overlay.all('Namespace');
      assert.equal(metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted');
      for (const { owner, spec } of overlay.pods()) {
        assert.equal(spec.securityContext.runAsNonRoot, true, owner);
        assert.ok(spec.securityContext.runAsUser > 0, owner);
        assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault', owner);
        assert.equal(spec.automountServiceAccountToken, false, owner);
        assert.ok(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC, owner);
        for (const volume of spec.volumes ?? []) {
          assert.ok(
            ['secret', 'projected', 'emptyDir', 'configMap'].some((kind) => kind in volume),
            `${owner}: ${volume.name}`,
          );
        }
        for (const { securityContext } of spec.containers) {
          assert.deepEqual(securityContext, {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
        }
      }
    });

    test('no image is one that somebody can exchange without a change of version', () => {
      const images = overlay.pods().flatMap(({ spec }) => spec.containers.map(({ image }) => image));
      images.push(...overlay.all('Cluster').map(({ spec }) => spec.imageName));
      for (const image of images.filter((name) => !name.startsWith('localhost/'))) {
        assert.match(image, /:\d+\.\d+[^@]*(@sha256:[0-9a-f]{64})?$|@sha256:[0-9a-f]{64}$/);
      }
    });

    test('clients come from chosen pods in chosen namespaces only', () => {
      const { ingress } = overlay.get('NetworkPolicy', 'poold').spec;
      const has = ({ matchLabels = {} } = {}, labels) =>
        Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
      // What a peer leaves out does not limit it, but a peer of pods alone means those of the policy's own namespace.
      const isLetIn = (namespace, pod) =>
        ingress.some(({ from }) =>
          from.some(
            ({ namespaceSelector, podSelector }) => namespaceSelector && has(namespaceSelector, namespace) && has(podSelector, pod),
          ),
        );
      const label = { 'poold-client': 'true' };
      assert.ok(isLetIn({ 'poold-clients': 'true' }, label));
      assert.ok(!isLetIn({ 'kubernetes.io/metadata.name': 'anybody' }, label));
      assert.ok(!isLetIn({ 'poold-clients': 'true' }, {}));
      // And so for every peer of every policy: none is a whole cluster.
      for (const { metadata, spec } of overlay.all('NetworkPolicy')) {
        for (const { from } of spec.ingress ?? []) {
          for (const { namespaceSelector } of from ?? assert.fail(`${metadata.name} lets everybody in`)) {
            if (namespaceSelector) assert.notDeepEqual(namespaceSelector.matchLabels ?? {}, {}, metadata.name);
          }
        }
      }
    });

    test('every container says what it needs and how much memory it may take', () => {
      for (const { owner, spec } of overlay.pods()) {
        for (const { resources } of spec.containers) {
          assert.ok(resources.requests.cpu && resources.requests.memory, owner);
          assert.ok(amount(resources.limits.memory) >= amount(resources.requests.memory), owner);
        }
      }
    });

    test('secrets come as files, never as environment variables', () => {
      for (const pod of overlay.pods()) {
        for (const { env = [], envFrom = [] } of pod.spec.containers) {
          assert.ok(
            env.every(({ valueFrom }) => !valueFrom?.secretKeyRef),
            pod.owner,
          );
          assert.ok(
            envFrom.every(({ secretRef }) => !secretRef),
            pod.owner,
          );
        }
      }
      for (const pod of [overlay.pod('Deployment poold'), overlay.pod('Job poold-migrate')]) {
        assert.equal(new URL(overlay.environment(pod).POOLD_DATABASE_URL).password, '', pod.owner);
      }
    });

    test('files that settings name are mounted', () => {
      for (const pod of [overlay.pod('Deployment poold'), overlay.pod('Job poold-migrate')]) {
        const environment = overlay.environment(pod);
        const files = [
          'POOLD_DATABASE_PASSWORD_FILE',
          ...(pod.owner.startsWith('Job')
            ? []
            : ['POOLD_ACCESS_FILE', 'POOLD_TLS_CERTIFICATE', 'POOLD_TLS_KEY', 'POOLD_TLS_CLIENT_CA']),
        ]
          .map((name) => environment[name])
          .concat(new URL(environment.POOLD_DATABASE_URL).searchParams.get('sslrootcert'))
          .filter((file) => file);
        const mounted = pod.spec.containers[0].volumeMounts.flatMap(({ name, mountPath }) => {
          const volume = pod.spec.volumes.find((candidate) => candidate.name === name);
          const items = (volume.projected?.sources ?? []).flatMap(({ secret }) => secret.items.map(({ path }) => path));
          return volume.secret ? [`${mountPath}/`] : items.map((item) => `${mountPath}/${item}`);
        });
        for (const file of files)
          assert.ok(
            mounted.some((path) => (path.endsWith('/') ? file.startsWith(path) : file === path)),
            `${pod.owner}: ${file}`,
          );
      }
    });

    test('the ports of the settings are those of the container', () => {
      const { POOLD_GRPC_LISTEN, POOLD_HTTP_LISTEN, POOLD_HEALTH_LISTEN } = overlay.settings();
      const ports = overlay
        .pod('Deployment poold')
        .spec.containers[0].ports.map(({ name, containerPort }) => [name, containerPort]);
      assert.deepEqual(Object.fromEntries(ports), {
        grpc: Number(POOLD_GRPC_LISTEN.split(':').pop()),
        http: Number(POOLD_HTTP_LISTEN.split(':').pop()),
        health: Number(POOLD_HEALTH_LISTEN.split(':').pop()),
      });
    });

    test('liveness asks about the process alone, readiness about all', () => {
      const [{ livenessProbe, startupProbe, readinessProbe }] = overlay.pod('Deployment poold').spec.containers;
      const port = Number(overlay.settings().POOLD_HEALTH_LISTEN.split(':').pop());
      assert.deepEqual(livenessProbe.grpc, { port, service: 'liveness' });
      assert.deepEqual(startupProbe.grpc, { port, service: 'liveness' });
      assert.deepEqual(readinessProbe.grpc, { port });
    });

    test('a pod may take as long to stop as its longest call', () => {
      const { POOLD_DRAIN_DELAY, POOLD_DRAIN_LIMIT, POOLD_GREATEST_DEADLINE } = overlay.settings();
      const { terminationGracePeriodSeconds } = overlay.pod('Deployment poold').spec;
      assert.ok(amount(POOLD_DRAIN_LIMIT) >= amount(POOLD_GREATEST_DEADLINE));
      assert.ok(terminationGracePeriodSeconds >= amount(POOLD_DRAIN_DELAY) + amount(POOLD_DRAIN_LIMIT) + 10);
    });

    test('connections fit into max_connections, in the middle of a roll-out too', () => {
      const { rollingUpdate } = overlay.get('Deployment', 'poold').spec.strategy;
      const replicas = overlay.all('HorizontalPodAutoscaler')[0]?.spec.maxReplicas ?? 1;
      // While each pod's successor serves already, the pod itself may still be draining.
      const pods = 2 * replicas + rollingUpdate.maxSurge;
      const ofServers = pods * (Number(overlay.settings().POOLD_DATABASE_CONNECTIONS) + 2);
      const ofMigration = 2;
      const reserved = 3; // superuser_reserved_connections
      if (overlay === dev) {
        const limit = /max_connections=(\d+)/.exec(
          overlay.pod('StatefulSet poold-database').spec.containers[0].args.join(' '),
        )[1];
        assert.ok(ofServers + ofMigration <= Number(limit) - reserved, `${ofServers} + ${ofMigration} connections`);
        return;
      }
      const { spec } = overlay.get('Pooler', 'poold-pooler');
      const { max_client_conn, default_pool_size, reserve_pool_size = 0 } = spec.pgbouncer.parameters;
      assert.ok(
        ofServers <= Number(max_client_conn),
        `${ofServers} connections to PgBouncer, all to one instance at worst`,
      );
      // A pool of poold's role, and one of the role that looks up passwords.
      const poolers = spec.instances + spec.deploymentStrategy.rollingUpdate.maxSurge;
      const ofPoolers = poolers * 2 * (Number(default_pool_size) + Number(reserve_pool_size));
      const ofOperator = 10; // its own looks at each instance, exporters, a person
      const limit = Number(overlay.get('Cluster', 'poold-database').spec.postgresql.parameters.max_connections);
      assert.ok(
        ofPoolers + ofMigration + ofOperator <= limit - reserved,
        `${ofPoolers} + ${ofMigration} + ${ofOperator} connections`,
      );
    });
  });
}

test('PostgreSQL is the same in both overlays, and not older than the one that the tests ran on', () => {
  const version = (image) => /:(\d+)\.(\d+)/.exec(image).slice(1).map(Number);
  const [major, minor] = version(production.get('Cluster', 'poold-database').spec.imageName);
  assert.deepEqual(version(dev.pod('StatefulSet poold-database').spec.containers[0].image), [major, minor]);
  const program = `/usr/lib/postgresql/${major}/bin/postgres`;
  if (!existsSync(program)) return;
  const [, installed] = / (\d+\.\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }));
  assert.ok(minor >= Number(installed.split('.')[1]), `this machine has ${installed}`);
});

describe('production', () => {
  test('passwords and keys are nowhere in the manifests', () => {
    assert.deepEqual(production.all('Secret'), []);
  });

  test('callers and both doors are checked', () => {
    const settings = production.settings();
    for (const name of ['POOLD_ACCESS_FILE', 'POOLD_TLS_CERTIFICATE', 'POOLD_TLS_KEY', 'POOLD_TLS_CLIENT_CA']) {
      assert.ok(settings[name], name);
    }
    assert.equal(settings.POOLD_TRUST_ALL_CALLERS, undefined);
  });

  test('the database shows a certificate that bears the name it was called by', () => {
    const { metadata, spec } = production.get('Cluster', 'poold-database');
    const names = [`${metadata.name}-rw`, ...spec.certificates.serverAltDNSNames];
    for (const pod of [production.pod('Deployment poold'), production.pod('Job poold-migrate')]) {
      const url = new URL(production.environment(pod).POOLD_DATABASE_URL);
      assert.equal(url.searchParams.get('sslmode'), 'verify-full', pod.owner);
      assert.ok(names.includes(url.hostname), `${pod.owner}: ${url.hostname}`);
      assert.equal(url.pathname, `/${spec.bootstrap.initdb.database}`);
    }
  });

  test('the migration owns the tables, and the servers use them by a role that cannot change them', () => {
    const { spec } = production.get('Cluster', 'poold-database');
    const { owner, postInitApplicationSQL } = spec.bootstrap.initdb;
    const credentials = (name) => {
      const pod = production.pod(name);
      const { sources } = pod.spec.volumes.find(({ name }) => name === 'database').projected;
      const [{ secret }] = sources.filter(({ secret }) => secret.items.some(({ path }) => path === 'password'));
      return [new URL(production.environment(pod).POOLD_DATABASE_URL).username, secret.name];
    };
    // CloudNativePG names the owner's secret after its Cluster.
    assert.deepEqual(credentials('Job poold-migrate'), [owner, 'poold-database-app']);
    assert.deepEqual(
      spec.managed.roles.map(({ name, ensure, login, passwordSecret, ...more }) => [name, ensure, login, passwordSecret.name, more]),
      [[...credentials('Deployment poold').slice(0, 1), 'present', true, credentials('Deployment poold')[1], {}]],
      'no more than a login: no superuser, no membership of the owner',
    );
    // tests/e2e/backup_test.cc runs those of the document.
    const document = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const [, roles, grants] = /\n## Roles\n.*?```sql\n(.*?)```.*?```sql\n(.*?)```/s.exec(document);
    const statements = (sql) => sql.split(';').map((one) => one.trim()).filter((one) => one);
    const [created] = postInitApplicationSQL;
    assert.ok(statements(roles).includes(created), created);
    assert.deepEqual(postInitApplicationSQL.slice(1), statements(grants));
  });

  test('calls go through the pooler in transactions without prepared statements, migrations go straight', () => {
    const pooler = production.get('Pooler', 'poold-pooler');
    assert.equal(pooler.spec.cluster.name, 'poold-database');
    assert.equal(pooler.spec.pgbouncer.poolMode, 'transaction');
    assert.equal(production.settings().POOLD_PREPARED_STATEMENTS, 'false');
    const host = (name) => new URL(production.environment(production.pod(name)).POOLD_DATABASE_URL).hostname;
    assert.equal(host('Deployment poold'), pooler.metadata.name);
    assert.equal(host('Job poold-migrate'), 'poold-database-rw');
  });

  test('the loss of a zone, a node or an instance leaves a majority', () => {
    const { minReplicas } = production.get('HorizontalPodAutoscaler', 'poold').spec;
    const { instances, postgresql, affinity } = production.get('Cluster', 'poold-database').spec;
    assert.ok(minReplicas >= 3 && instances >= 3);
    assert.ok(postgresql.synchronous.number >= 1 && postgresql.synchronous.number < instances - 1);
    assert.equal(affinity.podAntiAffinityType, 'required');
    const keys = production
      .pod('Deployment poold')
      .spec.topologySpreadConstraints.map(({ topologyKey }) => topologyKey);
    assert.deepEqual(keys, ['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
    for (const { spec } of production.all('PodDisruptionBudget')) assert.equal(spec.maxUnavailable, 1);
  });

  test('memory runs out later than the alert about it', () => {
    const limit = amount(production.pod('Deployment poold').spec.containers[0].resources.limits.memory);
    const alerts = readFileSync(join(root, 'deploy/telemetry/alerts.yaml'), 'utf8');
    const threshold = Number(/process_resident_memory_bytes.* > (\d+)/.exec(alerts)[1]);
    assert.ok(threshold > limit / 2 && threshold < limit * 0.9);
    assert.match(alerts, new RegExp(`its limit, ${limit / 2 ** 20} MiB`));
  });
});
