import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strict as assert } from 'node:assert';
import { run, runChecks, type ReportResult } from './checks.ts';
import { baseImage } from './image/base-image.ts';
import { Buildah, startContainer, type ImageConfig } from './image/buildah.ts';
import { smoke } from './image/smoke.ts';
import { localCassandraMissing, startLocalCluster } from './local-cassandra/cluster.ts';
import { freePort } from './local-cassandra/processes.ts';
import { projectFolder } from './local-cassandra/project.ts';

/**
 * `npm run image:check`: builds the image from the Dockerfile and runs it with the command, user and health check of its
 * configuration, in memory and on a local Cassandra. NODE_IMAGE sets another base image; if none can be pulled, one is built.
 */

const IMAGE = 'localhost/cassandra-messenger';

const folder = join(projectFolder, 'node_modules', '.cache', 'image-check');

/** The maximum time from SIGTERM to the end of the service. */
const MAX_STOP_MS = 30_000;

/** The maximum size of the packages in the image, on a disk with 4 KiB blocks. */
const MAX_PACKAGES_MB = 28;

/** Files and folders of packages that are never loaded. */
const UNUSED = String.raw`\( -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) \) -o \( -type d \( -name test -o -name tests -o -name examples -o -name benchmarks \) \)`;

process.exitCode = await runChecks(await missingRequirement(), async (report) => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await check(new Buildah(folder), report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The missing requirement of this host, as a sentence for people; null if all are met. */
async function missingRequirement(): Promise<string | null> {
  const { code } = await run('buildah', ['--version']);
  if (code !== 0) return 'buildah is required: install the package buildah.';
  return localCassandraMissing();
}

async function check(buildah: Buildah, report: ReportResult): Promise<void> {
  /** Runs `act`, reports the result, and returns whether it succeeded. */
  const step = async (name: string, act: () => Promise<void>): Promise<boolean> => {
    const startedAt = performance.now();
    const error = await act().then(
      () => null,
      (reason: unknown) => (reason as Error).message,
    );
    report(`${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`, error);
    return error === null;
  };

  const base = await baseImage(buildah, folder);
  if (!(await step('the Dockerfile builds', () => build(buildah, base)))) return;
  console.log(`          ${await buildah.sizeOf(IMAGE)}, of which the base ${await buildah.sizeOf(base)}`);
  const config = await buildah.configOf(IMAGE);
  const container = await buildah.do('from', '--pull-never', IMAGE);
  await step('it contains no package manager', async () => {
    const found = await buildah.in(container, ['sh', '-c', 'command -v npm npx yarn corepack || true']);
    assert.equal(found, '');
  });
  await step('its packages contain no unused files', async () => {
    const packagesMb = Number(await buildah.in(container, ['sh', '-c', 'du -sm node_modules | cut -f1']));
    console.log(`          ${packagesMb} MB of packages`);
    assert.ok(packagesMb <= MAX_PACKAGES_MB, `more than ${MAX_PACKAGES_MB} MB: ${packagesMb}`);
    const unused = await buildah.in(container, ['sh', '-c', `find node_modules ${UNUSED}`]);
    assert.equal(unused.split('\n').slice(0, 5).join('\n'), '');
  });
  // With this endpoint, the service does not start unless the optional packages for traces are in the image.
  const memory = { STORAGE: 'memory', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
  await step('it serves from memory, with documentation and traces', () =>
    checkService(buildah, container, config, memory),
  );
  await step('it migrates, serves and verifies on Cassandra', () =>
    checkOnCassandra(buildah, container, config),
  );
}

/** Builds with the npm settings of this host, which do not stay in the image. */
async function build(buildah: Buildah, base: string): Promise<void> {
  const setting = async (name: string): Promise<string | null> => {
    const { output } = await run('npm', ['config', 'get', name, '--silent']);
    return output.trim().replace(/^(null|undefined)?$/, '') || null;
  };
  const authority = await setting('cafile');
  const settings = join(folder, 'npmrc');
  writeFileSync(
    settings,
    `registry=${await setting('registry')}\n${authority === null ? '' : 'cafile=/ca.pem\n'}`,
  );
  await buildah.do(
    'build',
    ...['--isolation', 'chroot', '--format', 'docker', '--build-arg', `NODE_IMAGE=${base}`],
    ...['--volume', `${settings}:/root/.npmrc:ro`],
    ...(authority === null ? [] : ['--volume', `${authority}:/ca.pem:ro`]),
    ...['--tag', IMAGE, projectFolder],
  );
}

/** Starts the service of the image, tests it, and stops it. Throws an `Error` that describes the failure. */
async function checkService(
  buildah: Buildah,
  container: string,
  config: ImageConfig,
  storage: Readonly<Record<string, string>>,
): Promise<void> {
  const port = await freePort();
  const variables = { PORT: String(port), AUTH_ALLOW_NONE: 'true', WEB_CLIENT: 'on', ...storage };
  const startedAt = Math.floor(Date.now() / 1000);
  const service = startContainer(buildah, container, config.Cmd, variables);
  try {
    // Not 127.0.0.1: a container must listen on all addresses.
    const url = `http://127.0.0.2:${port}`;
    await smoke(url);
    await checkPage(url, '/docs');
    await checkPage(url, '/app');
    const uids = service.uids();
    assert.ok(
      uids.every((uid) => uid === Number(config.User.split(':')[0]) && uid > 0),
      `it runs as ${uids.join(', ')}, and its USER is ${config.User}`,
    );
    const [kind, ...probe] = config.Healthcheck?.Test ?? [];
    assert.equal(kind, 'CMD', 'it has no HEALTHCHECK');
    await buildah.in(container, probe, variables);

    const stopping = performance.now();
    const code = await service.terminate();
    assert.equal(code, 0, `it ends with ${code} after SIGTERM:\n${service.output().slice(-2_000)}`);
    assert.ok(performance.now() - stopping < MAX_STOP_MS, 'it takes too long to end');
    await assert.rejects(buildah.in(container, probe, variables), 'its HEALTHCHECK succeeds without it');

    // The service must also run on a read-only file system, so it must not write any file.
    const changed = ['-newermt', `@${startedAt}`, '-user', String(uids[0]), '-print'];
    assert.equal(await buildah.in(container, ['find', '/', '-xdev', ...changed], {}, '0:0'), '');
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${service.output().slice(-2_000)}`, { cause: error });
  } finally {
    service.kill();
  }
}

/** Checks that a page and all files that it loads are served. */
async function checkPage(url: string, path: string): Promise<void> {
  const page = await (await fetch(url + path)).text();
  const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  assert.ok(loaded.length >= 2, `it loads ${loaded.join(', ')}`);
  for (const file of [...loaded, '/favicon.ico']) {
    const { status } = await fetch(new URL(file, url));
    assert.equal(status, 200, `${file} gives ${status}`);
  }
}

async function checkOnCassandra(buildah: Buildah, container: string, config: ImageConfig): Promise<void> {
  const cluster = await startLocalCluster({
    directory: join(folder, 'cassandra'),
    addresses: ['127.0.5.1'],
    nativePort: 9542,
    storagePort: 7500,
  });
  try {
    const storage = { STORAGE: 'cassandra', CASSANDRA_CONTACT_POINTS: cluster.contactPoints.join(',') };
    await buildah.in(container, ['node', 'dist/scripts/migrate.js'], storage);
    await checkService(buildah, container, config, storage);
    await buildah.in(container, ['node', 'dist/scripts/seed.js', '--messages', '15'], storage);
    await buildah.in(container, ['node', 'dist/scripts/verify.js', '--settle', '1'], storage);
  } finally {
    await cluster.stop();
  }
}
