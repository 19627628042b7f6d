import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { failureText, leftOutText } from './checks.ts';
import { localCassandraMissing, LONG_TIMEOUTS, startLocalCluster } from './local-cassandra/cluster.ts';
import { cassandraFolder } from './local-cassandra/project.ts';
import { migrate } from '../test/faults/cluster.ts';
import { textOf, testRuntime, type RuntimeResult } from '../test/runtimes/pair.ts';
import { installRuntimes, runtimes, type Runtime } from '../test/runtimes/runtimes.ts';
import { startService } from '../test/runtimes/service.ts';
import { otherChecks, checksOn, installTraced, type TraceChecks } from '../test/runtimes/traces.ts';

const HELP = `npm run test:runtimes [-- --only NAME]

Runs the HTTP contract tests on Node 20, Node 24, Bun, Deno and workerd, in memory and on a real Cassandra; stops each with
SIGTERM during a request; checks the traces that Node 24, Bun and Deno send to a test collector; and prints the results.
Installs missing runtimes (for Linux on x64, 700 MB). Takes up to ten minutes. It uses the Cassandra at
CASSANDRA_CONTACT_POINTS, which must be IP addresses, or starts its own, which needs Java 17 and Maven.

  --only NAME   run only this runtime, such as Bun or "Node 24", or "traces" (repeatable)
  --help        print this text

The last line counts pairs of a runtime and a storage, and checks of traces.
`;

type Settings = Readonly<Record<string, string>>;

/** A long timeout, for requests on a busy host. */
const LONG_TIMEOUT: Settings = { REQUEST_TIMEOUT_MS: '20000' };

/** The numbers of passed and failed checks. */
interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Reports checks that cannot run. They are failures if CI=true. */
function leaveOut(reason: string, leftOut: number): Counts {
  console.error(leftOutText(`${leftOut} checks`, reason));
  return { passed: 0, failed: process.env['CI'] === 'true' ? leftOut : 0 };
}

/** The settings for a new keyspace, and a function that stops its Cassandra if this script has started it. */
async function openCassandra(): Promise<{ settings: Settings; close: () => Promise<void> }> {
  const { given, close } = await findCassandra();
  const settings = { ...given, CASSANDRA_KEYSPACE: `runtimes_${randomUUID().slice(0, 8)}` };
  await migrate({ ...settings, CASSANDRA_REPLICATION_FACTOR: '1' });
  return { settings: { STORAGE: 'cassandra', ...settings, ...LONG_TIMEOUT }, close };
}

async function findCassandra(): Promise<{ given: Settings; close: () => Promise<void> }> {
  const contactPoints = process.env['CASSANDRA_CONTACT_POINTS'];
  if (contactPoints) {
    const localDatacenter = process.env['CASSANDRA_LOCAL_DATACENTER'] ?? 'datacenter1';
    return { given: settingsFor(contactPoints, localDatacenter), close: () => Promise.resolve() };
  }
  mkdirSync(cassandraFolder, { recursive: true });
  const directory = mkdtempSync(join(cassandraFolder, 'runtimes-'));
  const cluster = await startLocalCluster({
    directory,
    addresses: ['127.0.7.1'],
    nativePort: 9742,
    storagePort: 7700,
    javaOptions: ['-XX:TieredStopAtLevel=1'],
    yaml: LONG_TIMEOUTS,
    log: (line) => console.log(line),
  });
  return {
    given: settingsFor(cluster.contactPoints.join(','), cluster.localDatacenter),
    async close() {
      await cluster.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

function settingsFor(contactPoints: string, localDatacenter: string): Settings {
  return { CASSANDRA_CONTACT_POINTS: contactPoints, CASSANDRA_LOCAL_DATACENTER: localDatacenter };
}

const TABLE_HEAD = [
  '| runtime | version | storage | contract | ready after | memory at rest | requests/s, Node 20 = 1 |',
  '| --- | --- | --- | --- | ---: | ---: | ---: |',
];

function rowOf({ name, version }: Runtime, storage: string, seen: RuntimeResult | null): string {
  if (seen === null) return `| ${name} | ${version} | ${storage} | **failed** | | | |`;
  const { passed, failures, readyAfterMs, residentMb, speed } = seen;
  const contract = failures.length === 0 ? `all ${passed} clauses` : `**${failures.length} broken**`;
  const numbers = [`${(readyAfterMs / 1000).toFixed(1)} s`, `${residentMb.toFixed(0)} MB`, speed.toFixed(2)];
  return `| ${[name, version, storage, contract, ...numbers].join(' | ')} |`;
}

/** Tests each of `chosen` with `settings`, one after another, compares it with the reference, and adds to `rows`. */
async function testAll(
  chosen: readonly Runtime[],
  reference: Runtime,
  storage: string,
  settings: Settings,
  rows: string[],
): Promise<Counts> {
  const idle = await startService(reference, settings);
  let failed = 0;
  for (const runtime of chosen) {
    const startedAt = performance.now();
    let seen: RuntimeResult | null = null;
    try {
      seen = await testRuntime(runtime, settings, idle.url);
      for (const fault of seen.failures) console.error(failureText(`${runtime.name}, ${storage}`, fault));
    } catch (error) {
      console.error(failureText(`${runtime.name}, ${storage}`, textOf(error)));
    }
    const isGood = seen?.failures.length === 0;
    if (!isGood) failed += 1;
    rows.push(rowOf(runtime, storage, seen));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`${runtime.name}, ${storage}: ${isGood ? 'passed' : 'FAILED'} after ${seconds} s`);
  }
  await idle.end('SIGKILL');
  return { passed: chosen.length - failed, failed };
}

/** Runs `checks` one after another. */
async function runTraceChecks(checks: TraceChecks): Promise<Counts> {
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await check();
      console.log(`Traces: ${name}: passed`);
    } catch (error) {
      failed += 1;
      console.error(failureText(`Traces: ${name}`, textOf(error)));
    }
  }
  return { passed: checks.length - failed, failed };
}

async function onCassandra(
  leftOut: number,
  work: (settings: Settings) => Promise<Counts[]>,
): Promise<Counts[]> {
  const missing = process.env['CASSANDRA_CONTACT_POINTS'] ? null : await localCassandraMissing();
  if (missing !== null) return [leaveOut(missing, leftOut)];
  const { settings, close } = await openCassandra();
  try {
    return await work(settings);
  } finally {
    await close();
  }
}

async function testRuntimes(names: readonly string[] | undefined): Promise<Counts> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return leaveOut('the runtimes are installed for Linux on x64 only', 10);
  }
  installRuntimes();
  const [reference, ...others] = runtimes();
  const chosen = [reference, ...others].filter(({ name }) => names?.includes(name) ?? true);
  const traced = (names?.includes('traces') ?? true) ? installTraced() : null;
  const rows: string[] = [];
  const testStorage = async (storage: string, settings: Settings): Promise<Counts[]> => [
    await testAll(chosen, reference, storage, settings, rows),
    await runTraceChecks(traced === null ? [] : checksOn(traced, settings)),
  ];
  const counts: Counts[] = [];
  try {
    counts.push(...(await testStorage('memory', { STORAGE: 'memory', ...LONG_TIMEOUT })));
    counts.push(...(await onCassandra(chosen.length, (settings) => testStorage('Cassandra', settings))));
    counts.push(await runTraceChecks(traced === null ? [] : otherChecks(traced)));
  } finally {
    traced?.remove();
  }

  const limits = chosen.map((runtime) => `- ${runtime.name}: ${runtime.limits}.`);
  console.log(['', ...TABLE_HEAD, ...rows, '', 'Known limits:', '', ...limits, ''].join('\n'));
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
  };
}

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, help: { type: 'boolean' } },
});
if (values.help) {
  console.log(HELP);
} else {
  const { passed, failed } = await testRuntimes(values.only);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
