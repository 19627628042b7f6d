import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { run, type Fault, type Run } from '../checks.ts';
import { toolPath } from './tools.ts';

export interface Check {
  /** Checks a copy of the deployed files, in the folder `tree`. */
  readonly run: (tree: string) => Promise<Run>;
  readonly faults: readonly Fault[];
}

/** The files and folders that are checked. */
export const DEPLOYED = [
  '.ci',
  '.github',
  'Dockerfile',
  'docker-compose.yml',
  'k8s',
  'ops',
  'renovate.json',
  'scripts/init.sh',
  'src/composition/process.ts',
];

const CI = '.github/workflows/ci.yml';
const CD = '.github/workflows/cd.yml';
const RELEASE = '.github/workflows/release.yml';
const DEPLOYMENT = 'k8s/base/deployment.yaml';

/** The same version as in cd.yml. */
const KUBERNETES = '1.35';

export const CHECKS: Readonly<Record<string, Check>> = {
  hadolint: {
    run: (tree) => all(tree, ['hadolint', 'Dockerfile']),
    faults: [
      { file: 'Dockerfile', from: 'USER 1000:1000', to: 'USER root', found: /DL3002/ },
      { file: 'Dockerfile', from: 'WORKDIR /app', to: 'WORKDIR app', found: /DL3000/ },
      {
        file: 'Dockerfile',
        from: 'CMD ["node", "dist/src/main.node.js"]',
        to: 'CMD node dist',
        found: /DL3025/,
      },
    ],
  },
  shellcheck: {
    run: (tree) => all(tree, ['shellcheck', 'scripts/init.sh', 'k8s/rollout.sh', '.ci/run']),
    faults: [
      {
        file: 'scripts/init.sh',
        from: 'cd "$(dirname "$0")/.."',
        to: 'cd $(dirname "$0")/..',
        found: /SC2046/,
      },
      { file: 'k8s/rollout.sh', from: '--kustomize "$1"', to: '--kustomize $1', found: /SC2086/ },
    ],
  },
  actionlint: {
    run: (tree) => all(tree, ['actionlint', '-no-color', CI, CD, RELEASE]),
    faults: [
      { file: CI, from: 'github.ref }}', to: 'github.reference }}', found: /"reference" is not defined/ },
      { file: CI, from: 'needs: image', to: 'needs: picture', found: /needs job "picture"/ },
      { file: CD, from: 'smoke.ts "$URL"', to: 'smoke.ts $URL', found: /SC2086/ },
      { file: RELEASE, from: 'inputs.version', to: 'inputs.tag', found: /"tag" is not defined/ },
    ],
  },
  zizmor: {
    run: (tree) => all(tree, ['zizmor', '--offline', '--strict-collection', '--quiet', '.github']),
    faults: [
      {
        file: CI,
        from: '3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1',
        to: 'v7',
        found: /unpinned-uses/,
      },
      { file: CI, from: '"$GITHUB_SHA"', to: '"${{ github.head_ref }}"', found: /template-injection/ },
      {
        file: RELEASE,
        from: 'docker/build-push-action@53b7df96c91f9c12dcc8a07bcb9ccacbed38856a',
        to: 'docker/build-push-action@v7',
        found: /unpinned-uses/,
      },
      {
        file: RELEASE,
        from: 'release -- "$VERSION"',
        to: 'release -- "${{ inputs.version }}"',
        found: /template-injection/,
      },
      { file: CD, from: 'persist-credentials: false', to: 'fetch-depth: 1', found: /artipacked/ },
      {
        file: CI,
        from: 'permissions:\n      contents: read\n    steps',
        to: 'permissions: write-all\n    steps',
        found: /excessive-permissions/,
      },
    ],
  },
  'compose schema': {
    run: (tree) =>
      all(tree, ['check-jsonschema', '--builtin-schema', 'vendor.compose-spec', 'docker-compose.yml']),
    faults: [
      { file: 'docker-compose.yml', from: 'healthcheck:', to: 'healthchecks:', found: /'healthchecks'/ },
      { file: 'docker-compose.yml', from: 'service_healthy', to: 'service_well', found: /'service_well'/ },
    ],
  },
  'renovate schema': {
    run: (tree) => all(tree, ['check-jsonschema', '--builtin-schema', 'vendor.renovate', 'renovate.json']),
    faults: [
      { file: 'renovate.json', from: '"customType": "regex"', to: '"customType": "glob"', found: /glob/ },
    ],
  },
  'kubernetes schema': {
    run: (tree) =>
      rendered(tree, ['kubernetes-validate', '--strict', '--quiet', '--kubernetes-version', KUBERNETES]),
    faults: [
      { file: DEPLOYMENT, from: 'readinessProbe:', to: 'readynessProbe:', found: /readynessProbe/ },
      { file: DEPLOYMENT, from: 'maxSkew: 1', to: 'maxSkew: one', found: /maxSkew/ },
      { file: 'k8s/components/nats/nats.yaml', from: 'httpGet:', to: 'httpGot:', found: /prod-nats\.yaml/ },
      {
        file: 'k8s/overlays/prod/cassandra-secret.yaml',
        from: 'secretName:',
        to: 'secret:',
        found: /prod\.yaml/,
      },
      {
        file: 'k8s/overlays/dev/kustomization.yaml',
        from: '- cassandra.yaml',
        to: '- scylla.yaml',
        found: /scylla/,
      },
    ],
  },
  'kube-score': {
    run: (tree) => rendered(tree, ['kube-score', 'score', '--output-format', 'ci']),
    faults: [
      { file: DEPLOYMENT, from: 'readinessProbe:', to: 'livenessProbe2:', found: /missing a readinessProbe/ },
      {
        file: DEPLOYMENT,
        from: 'readOnlyRootFilesystem: true',
        to: 'privileged: true',
        found: /container is privileged/,
      },
      { file: DEPLOYMENT, from: 'memory: 1792Mi', to: 'example.com/x: 1', found: /Memory limit is not set/ },
      {
        file: 'k8s/base/pod-disruption-budget.yaml',
        from: 'name: messenger',
        to: 'name: m',
        found: /PodDisruptionBudget/,
      },
      { file: 'k8s/base/migrate.yaml', from: 'name: messenger\n', to: 'name: m\n', found: /NetworkPolicy/ },
      {
        file: 'k8s/overlays/prod/kustomization.yaml',
        from: 'newTag: ',
        to: 'newTag: latest # ',
        found: /latest/,
      },
    ],
  },
  'time to stop': {
    run: timeToStop,
    faults: [
      {
        file: DEPLOYMENT,
        from: 'PeriodSeconds: 35',
        to: 'PeriodSeconds: 30',
        found: /Kubernetes gives 30 s, but stopping takes up to 30 s/,
      },
      {
        file: DEPLOYMENT,
        from: 'seconds: 5',
        to: 'seconds: 15',
        found: /Kubernetes gives 35 s, but stopping takes up to 40 s/,
      },
      {
        file: 'docker-compose.yml',
        from: 'grace_period: 30s',
        to: 'grace_period: 10s',
        found: /compose gives 10 s/,
      },
      {
        file: 'src/composition/process.ts',
        from: 'GRACE_MS = 25_000',
        to: 'GRACE_MS = 60_000',
        found: /compose gives 30 s, but stopping takes up to 60 s/,
      },
    ],
  },
  'metrics port': {
    run: metricsPort,
    faults: [
      {
        file: 'k8s/base/kustomization.yaml',
        from: 'METRICS_PORT=9464',
        to: 'METRICS_PORT=9090',
        found: /9090/,
      },
      { file: DEPLOYMENT, from: 'containerPort: 9464', to: 'containerPort: 9465', found: /9465/ },
      {
        file: DEPLOYMENT,
        from: "prometheus.io/port: '9464'",
        to: "prometheus.io/port: '8000'",
        found: /8000/,
      },
    ],
  },
  'roles in Cassandra': {
    run: rolesInCassandra,
    faults: [
      {
        file: 'k8s/overlays/prod/kustomization.yaml',
        from: 'value: messenger-cassandra-owner',
        to: 'value: messenger-cassandra',
        found: /the Deployment and the Job both use messenger-cassandra/,
      },
      {
        file: 'k8s/overlays/prod/kustomization.yaml',
        from: 'secretKeyRef/name',
        to: 'secretKeyRef/key',
        found: /the Job uses messenger-cassandra, messenger-cassandra-owner/,
      },
    ],
  },
  'published ports': {
    run: (tree) =>
      all(tree, [
        'check-jsonschema',
        '--schemafile',
        join(import.meta.dirname, 'loopback.schema.json'),
        'docker-compose.yml',
      ]),
    faults: [
      {
        file: 'docker-compose.yml',
        from: '127.0.0.1:8000:8000',
        to: '8000:8000',
        found: /'8000:8000' does not match/,
      },
      {
        file: 'docker-compose.yml',
        from: '127.0.0.1:8000:8000',
        to: '0.0.0.0:8000:8000',
        found: /'0.0.0.0:8000:8000' does not match/,
      },
    ],
  },
  'grafana schema': {
    run: (tree) =>
      all(tree, [
        'check-jsonschema',
        '--schemafile',
        join(import.meta.dirname, 'grafana-provisioning.schema.json'),
        'ops/grafana/datasources.yaml',
        'ops/grafana/dashboards.yaml',
      ]),
    faults: [
      { file: 'ops/grafana/datasources.yaml', from: 'isDefault', to: 'default', found: /'default'/ },
      { file: 'ops/grafana/dashboards.yaml', from: 'options:', to: 'option:', found: /'option'/ },
    ],
  },
  observability: {
    run: observability,
    faults: [
      {
        file: 'docker-compose.yml',
        from: './ops/alerts.yaml:',
        to: './ops/alarms.yaml:',
        found: /ops\/alarms\.yaml does not exist/,
      },
      {
        file: 'docker-compose.yml',
        from: '/etc/prometheus/alerts.yaml',
        to: '/etc/alerts.yaml',
        found: /the alerts are not mounted where Prometheus reads them/,
      },
      {
        file: 'ops/grafana/datasources.yaml',
        from: 'prometheus:9090',
        to: 'prometheus:9091',
        found: /Grafana queries prometheus:9091/,
      },
      {
        file: 'ops/grafana/dashboards.yaml',
        from: '/etc/grafana/dashboards',
        to: '/var/lib/grafana/dashboards',
        found: /the dashboard is not mounted where Grafana reads it/,
      },
      {
        file: 'ops/prometheus.yml',
        from: 'messenger:8000',
        to: 'messenger:9464',
        found: /Prometheus scrapes messenger:9464/,
      },
    ],
  },
  'install scripts': {
    run: installScripts,
    faults: [
      { file: '.ci/run', from: ' --ignore-scripts', to: '', found: /\.ci\/run: npm ci/ },
      { file: 'Dockerfile', from: ' --ignore-scripts', to: '', found: /Dockerfile: RUN npm ci/ },
      { file: CI, from: ' --ignore-scripts', to: '', found: /ci\.yml: - run: npm ci/ },
    ],
  },
  'init.sh': {
    run: initScript,
    faults: [
      { file: 'scripts/init.sh', from: '[ -z "$engine" ]', to: 'false', found: /without an engine/ },
      { file: 'scripts/init.sh', from: 'if $test_data', to: 'if false', found: /with an engine/ },
      { file: 'scripts/init.sh', from: 'compose exec -T', to: 'compose run -T', found: /with an engine/ },
    ],
  },
};

/** Runs commands on the tools' PATH, one after another, until one fails. */
async function all(tree: string, ...commands: readonly (readonly [string, ...string[]])[]): Promise<Run> {
  let last: Run = { code: 0, output: '' };
  for (const [program, ...args] of commands) {
    last = await run(program, args, { cwd: tree, env: { ...process.env, PATH: toolPath } });
    if (last.code !== 0) break;
  }
  return last;
}

/** Runs a command on the manifests of each overlay, as kustomize renders them, and of production with the broker. */
function rendered(tree: string, command: readonly [string, ...string[]]): Promise<Run> {
  const overlays = join(tree, 'k8s/overlays');
  cpSync(join(overlays, 'prod'), join(overlays, 'prod-nats'), { recursive: true });
  appendFileSync(join(overlays, 'prod-nats/kustomization.yaml'), 'components:\n  - ../../components/nats\n');
  return all(
    tree,
    ...['dev', 'prod', 'prod-nats'].flatMap((overlay): [string, ...string[]][] => [
      ['kustomize', 'build', `k8s/overlays/${overlay}`, '--output', `${overlay}.yaml`],
      [...command, `${overlay}.yaml`],
    ]),
  );
}

/** The grace periods of Kubernetes and compose are longer than the maximum time of a graceful shutdown. */
async function timeToStop(tree: string): Promise<Run> {
  const numberIn = (file: string, pattern: RegExp): number => {
    const text = readFileSync(join(tree, file), 'utf8');
    return Number(pattern.exec(text)?.[1]?.replaceAll('_', ''));
  };
  const drain = numberIn('src/composition/process.ts', /const GRACE_MS = ([\d_]+);/) / 1000;
  const notice = numberIn(DEPLOYMENT, /preStop:[^:]*sleep:\s+seconds: (\d+)/);
  const kubernetes = numberIn(DEPLOYMENT, /terminationGracePeriodSeconds: (\d+)/);
  const compose = numberIn('docker-compose.yml', /^ {2}messenger:$.*?stop_grace_period: (\d+)s/ms);
  const errors = [
    ...(kubernetes > notice + drain
      ? []
      : [`Kubernetes gives ${kubernetes} s, but stopping takes up to ${notice + drain} s`]),
    ...(compose > drain ? [] : [`compose gives ${compose} s, but stopping takes up to ${drain} s`]),
  ];
  return { code: errors.length, output: errors.join('\n') };
}

/** The files that compose mounts for Prometheus and Grafana exist, and have the paths that both read. */
function observability(tree: string): Promise<Run> {
  const text = (file: string): string => readFileSync(join(tree, file), 'utf8');
  const compose = text('docker-compose.yml');
  const mounts = new Map(
    [...compose.matchAll(/- \.\/(\S+):(\/\S+):ro$/gm)].map(([, from, to]) => [to!, from!]),
  );
  const target = /targets: \['(\S+)'\]/.exec(text('ops/prometheus.yml'))?.[1];
  const source = /url: http:\/\/(\S+)/.exec(text('ops/grafana/datasources.yaml'))?.[1];
  const folder = /path: (\S+)/.exec(text('ops/grafana/dashboards.yaml'))?.[1];
  const home = /HOME_DASHBOARD_PATH: (\S+)/.exec(compose)?.[1] ?? '';
  const published = (service: string | undefined): boolean => {
    const [name, port] = service?.split(':') ?? [];
    return new RegExp(`^  ${name}:$(?:\\n {4}.*|\\n)*?\\n +- '127\\.0\\.0\\.1:\\d+:${port}'$`, 'm').test(
      compose,
    );
  };
  const errors = [
    ...[...mounts.values()]
      .filter((file) => !existsSync(join(tree, file)))
      .map((file) => `${file} does not exist`),
    ...(mounts.get('/etc/prometheus/prometheus.yml') === 'ops/prometheus.yml' &&
    mounts.get('/etc/prometheus/alerts.yaml') === 'ops/alerts.yaml'
      ? []
      : ['the alerts are not mounted where Prometheus reads them']),
    ...(mounts.get(home) === 'ops/dashboard.json' && dirname(home) === folder
      ? []
      : ['the dashboard is not mounted where Grafana reads it']),
    ...(published(target) ? [] : [`Prometheus scrapes ${target}, which is not a published port`]),
    ...(published(source) ? [] : [`Grafana queries ${source}, which is not a published port`]),
  ];
  return Promise.resolve({ code: errors.length, output: errors.join('\n') });
}

/** Every npm install command has --ignore-scripts. */
function installScripts(tree: string): Promise<Run> {
  const workflows = readdirSync(join(tree, '.github', 'workflows')).map(
    (name) => `.github/workflows/${name}`,
  );
  const errors = ['.ci/run', 'Dockerfile', ...workflows].flatMap((file) =>
    readFileSync(join(tree, file), 'utf8')
      .split('\n')
      .filter((line) => /\bnpm (ci|i|install)\b/.test(line) && !line.includes('--ignore-scripts'))
      .map((line) => `${file}: ${line.trim()}`),
  );
  return Promise.resolve({ code: errors.length, output: errors.join('\n') });
}

/** In production, the service and the migration each use one Secret, and the two differ. */
async function rolesInCassandra(tree: string): Promise<Run> {
  const { code, output } = await all(tree, ['kustomize', 'build', 'k8s/overlays/prod']);
  if (code !== 0) return { code, output };
  const secretsOf = (kind: string): string => {
    const manifest = output.split(/^---$/m).find((text) => text.includes(`\nkind: ${kind}\n`)) ?? '';
    const names = manifest.matchAll(/secretName: (\S+)|secretKeyRef:\n +key: \S+\n +name: (\S+)/g);
    return [...new Set([...names].map(([, volume, variable]) => volume ?? variable))].sort().join(', ');
  };
  const [service, migration] = [secretsOf('Deployment'), secretsOf('Job')];
  const errors = [
    ...(/^[\w-]+$/.test(service) ? [] : [`the Deployment uses ${service}`]),
    ...(/^[\w-]+$/.test(migration) ? [] : [`the Job uses ${migration}`]),
    ...(service === migration ? [`the Deployment and the Job both use ${service}`] : []),
  ];
  return { code: errors.length, output: errors.join('\n') };
}

/** The metrics port is the same in the settings, the container port and the scrape annotation. */
function metricsPort(tree: string): Promise<Run> {
  const read = (file: string): string => readFileSync(join(tree, file), 'utf8');
  const ports = [
    /METRICS_PORT=(\d+)/.exec(read('k8s/base/kustomization.yaml')),
    /name: metrics\s+containerPort: (\d+)/.exec(read(DEPLOYMENT)),
    /prometheus\.io\/port: '(\d+)'/.exec(read(DEPLOYMENT)),
  ].map((found) => found?.[1]);
  const isSame = new Set(ports).size === 1 && ports[0] !== undefined;
  return Promise.resolve({ code: isSame ? 0 : 1, output: `The metrics ports: ${ports.join(', ')}` });
}

/** Runs init.sh with a fake container engine that records its arguments and succeeds, and with one that fails. */
async function initScript(tree: string): Promise<Run> {
  const runWith = async (exit: number): Promise<Run & { calls: string }> => {
    const bin = join(tree, `engine-${exit}`);
    mkdirSync(bin, { recursive: true });
    const calls = join(bin, 'calls');
    writeFileSync(calls, '');
    for (const name of ['docker', 'podman']) {
      writeFileSync(join(bin, name), `#!/bin/sh\necho "$*" >>'${calls}'\nexit ${exit}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const env = { ...process.env, PATH: [bin, process.env['PATH']].join(delimiter) };
    const ended = await run('bash', ['scripts/init.sh', '--test-data'], { cwd: tree, env });
    return { ...ended, calls: readFileSync(calls, 'utf8') };
  };
  const withoutEngine = await runWith(1);
  if (withoutEngine.code !== 1 || !withoutEngine.output.includes('No container engine')) {
    return {
      code: 1,
      output: `without an engine it exits with ${withoutEngine.code} and prints: ${withoutEngine.output}`,
    };
  }
  const withEngine = await runWith(0);
  const expected = [
    'up --build --detach messenger',
    'exec -T messenger node',
    '--profile seed run --rm seed',
  ];
  const positions = expected.map((call) => withEngine.calls.indexOf(`compose ${call}`));
  const inOrder = positions.every((position, index) => position > (positions[index - 1] ?? 0));
  return withEngine.code === 0 && inOrder && withEngine.output.includes('http://localhost:8000/docs')
    ? { code: 0, output: '' }
    : { code: 1, output: `with an engine it runs:\n${withEngine.calls}` };
}
