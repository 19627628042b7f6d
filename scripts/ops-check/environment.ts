import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeMetricsApp } from '../../src/adapters/http/app.ts';
import { standaloneProblem } from '../../src/adapters/http/problems.ts';
import { makeMetrics } from '../../src/adapters/prometheus/metrics.ts';
import { openHttpServer } from '../../src/adapters/servers/node-server.ts';
import { startService } from '../../test/faults/service.ts';
import { run } from '../checks.ts';
import { freePort, endWithThisProcess } from '../local-cassandra/processes.ts';
import { projectFolder } from '../local-cassandra/project.ts';

const toolFolder = join(projectFolder, 'node_modules', '.cache', 'ops-check');

/** Prometheus and its tool `promtool`: paths, or names of programs on the PATH. */
export interface Tools {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * The installed tools, or those from Debian's package, which is unpacked into a cache folder and not installed. Null if
 * neither is available.
 */
export async function findTools(): Promise<Tools | null> {
  if (await areInstalled({ prometheus: 'prometheus', promtool: 'promtool' })) {
    return { prometheus: 'prometheus', promtool: 'promtool' };
  }
  const bin = join(toolFolder, 'usr', 'bin');
  const unpacked = { prometheus: join(bin, 'prometheus'), promtool: join(bin, 'promtool') };
  if (!existsSync(unpacked.promtool)) await unpack();
  return (await areInstalled(unpacked)) ? unpacked : null;
}

async function areInstalled({ prometheus, promtool }: Tools): Promise<boolean> {
  const runs = [await run(prometheus, ['--version']), await run(promtool, ['--version'])];
  return runs.every(({ code }) => code === 0);
}

async function unpack(): Promise<void> {
  rmSync(toolFolder, { recursive: true, force: true });
  mkdirSync(toolFolder, { recursive: true });
  await run('apt-get', ['download', 'prometheus'], { cwd: toolFolder });
  const archive = readdirSync(toolFolder).find((name) => name.endsWith('.deb'));
  if (archive !== undefined) await run('dpkg', ['-x', archive, '.'], { cwd: toolFolder });
}

/** A time series in a result of Prometheus. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** The test environment: a service under low load, and a Prometheus that scrapes its metrics. */
export interface Environment {
  /** The metrics of each scraped service, as text. */
  readonly texts: () => Promise<readonly string[]>;
  /** The values of the expression during the load. Rejects with Prometheus's error for an invalid expression. */
  readonly query: (expr: string) => Promise<readonly Series[]>;
  readonly rules: () => Promise<readonly { rules: readonly { name: string; query: string }[] }[]>;
}

/**
 * Runs `check` after metrics were collected for `seconds`: those of a service with memory storage, and simulated ones of a
 * service on Cassandra with failures.
 */
export async function inEnvironment(
  tools: Tools,
  seconds: number,
  check: (environment: Environment) => Promise<void>,
): Promise<void> {
  const closing: (() => unknown)[] = [];
  try {
    const folder = mkdtempSync(join(tmpdir(), 'messenger-ops-'));
    closing.push(() => rmSync(folder, { recursive: true }));

    const { url, metrics } = await openService(closing);
    const addresses = [metrics, await openSimulatedMetrics(closing)];
    const prometheus = await openPrometheus(tools, folder, addresses, closing);
    await load(url, seconds);

    const ended = Date.now() / 1000;
    const query = async (path: string, parameters: Record<string, string> = {}): Promise<unknown> => {
      const answer = await fetch(
        `${prometheus}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
      );
      const { data, error } = (await answer.json()) as { data?: unknown; error?: string };
      if (error !== undefined) throw new Error(error);
      return data;
    };
    await check({
      texts: () => Promise.all(addresses.map(async (address) => (await fetch(address)).text())),
      query: async (expr) => {
        const range = { start: String(ended - seconds), end: String(ended), step: '1' };
        return ((await query('query_range', { query: expr, ...range })) as { result: Series[] }).result;
      },
      rules: async () =>
        ((await query('rules')) as { groups: Awaited<ReturnType<Environment['rules']>> }).groups,
    });
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function openService(closing: (() => unknown)[]): Promise<{ url: string; metrics: string }> {
  const service = startService({ STORAGE: 'memory', METRICS_PORT: '0' });
  closing.push(() => service.terminate());
  await service.logged(/"Ready at /);
  const metrics = /"Metrics at (http:[^"]+)"/.exec(await service.logged(/"Metrics at /))?.[1];
  return { url: service.url, metrics: metrics! };
}

/** The statements and nodes of the simulated service. */
const STATEMENTS = [
  'BATCH conversations_by_user',
  'BATCH messages',
  'SELECT events_by_user',
  'SELECT messages',
  'SELECT users',
];
const NODES = ['10.0.0.1:9042', '10.0.0.2:9042', '10.0.0.3:9042'];

/** Serves simulated metrics of a service on Cassandra, where some statements fail and some requests are rejected. */
async function openSimulatedMetrics(closing: (() => unknown)[]): Promise<string> {
  let tick = 0;
  const { telemetry, ...metrics } = makeMetrics({
    concurrencyLimiter: () => ({ inProgress: tick % 40, limit: 64, rejected: tick >> 4 }),
    pools: () => NODES.map((node, index) => ({ node, connections: 2, inFlight: (tick >> index) % 5 })),
    clock: () => ({ verified: tick % 500 < 450, offsetSeconds: ((tick % 60) - 30) / 1_000 }),
    eventConnections: () => ({ open: tick % 90, limit: 100 }),
    brokerConnected: () => tick % 500 < 450,
  });
  const timer = setInterval(() => {
    tick += 1;
    for (const statement of STATEMENTS) {
      const end = telemetry.statementSent(statement);
      setTimeout(() => end(tick % 25 === 0 ? 'unavailable' : 'ok', tick % 20 === 0 ? 1 : 0), tick % 8);
    }
    if (tick % 10 === 0) telemetry.attemptRepeated();
    telemetry.inboxRead({ read: 64 + (tick % 9), shown: 20 });
    telemetry.eventLag(tick % 60);
    telemetry.eventsDelivered(1);
    telemetry.hints(2, tick % 50 === 0 ? 'lost' : 'sent');
    telemetry.hints(1, 'received');
    if (tick % 10 === 0) {
      const end = telemetry.streamOpened(tick % 20 === 0);
      setTimeout(() => end(tick % 40 === 0 ? 'slow' : 'client'), tick % 100);
    }
    const status = tick % 25 === 0 ? 503 : 201;
    const replayed = tick % 30 === 0;
    telemetry.requestCompleted({
      method: 'POST',
      route: '/api/messages',
      status,
      milliseconds: tick % 90,
      replayed,
    });
  }, 20);
  closing.push(() => clearInterval(timer));
  const app = makeMetricsApp({
    metrics,
    readinessProblems: () => Promise.resolve([]),
    build: { version: '0.0.0', commit: null },
    log: { info: () => undefined, warn: console.warn, error: console.error },
  });
  const server = await openHttpServer({
    fetch: (request) => app.fetch(request),
    refuse: standaloneProblem,
    host: '127.0.0.1',
    port: 0,
  });
  closing.push(() => server.close());
  return `${server.url}/metrics`;
}

/** Starts a Prometheus that scrapes `addresses` every second. Resolves when Prometheus is ready. */
async function openPrometheus(
  { prometheus }: Tools,
  folder: string,
  addresses: readonly string[],
  closing: (() => unknown)[],
): Promise<string> {
  const targets = addresses.map((address, index) => ({
    targets: [new URL(address).host],
    labels: { instance: `messenger-${index}` },
  }));
  // JSON is YAML.
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(projectFolder, 'ops', 'alerts.yaml')],
    scrape_configs: [{ job_name: 'messenger', static_configs: targets }],
  };
  const file = join(folder, 'prometheus.yaml');
  writeFileSync(file, JSON.stringify(config));
  const data = join(folder, 'data');
  mkdirSync(data);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    prometheus,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const watchdog = endWithThisProcess(child.pid!);
  const ended = once(child, 'exit').then(() => watchdog.kill());
  closing.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  for (let tries = 0; tries < 150; tries += 1) {
    const answer = await fetch(`http://${address}/-/ready`).catch(() => null);
    if (answer?.ok === true) return `http://${address}`;
    await pause(200);
  }
  throw new Error('Prometheus did not start.');
}

/** Rounds of requests per second. */
const ROUNDS = 8;

/** Sends requests of several users for `seconds`, including repeated sends and requests to an unknown route. */
async function load(url: string, seconds: number): Promise<void> {
  const run = Date.now();
  const until = performance.now() + seconds * 1000;
  const sendRequest = async (method: string, path: string, body?: object, key?: string): Promise<string> => {
    const headers = {
      'Content-Type': 'application/json',
      ...(key !== undefined && { 'Idempotency-Key': key }),
    };
    const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return answer.text();
  };
  for (let round = 0; performance.now() < until; round += 1) {
    const [sender, receiver] = [`ops-${run}-${round % 29}`, `ops-${run}-${29 + (round % 23)}`];
    const body = { sender_id: sender, receiver_id: receiver, content: `No. ${round}` };
    const sent = JSON.parse(await sendRequest('POST', '/api/messages', body, `${run}-${round}`)) as {
      conversation_id: string;
    };
    if (round % 6 === 0) await sendRequest('POST', '/api/messages', body, `${run}-${round}`);
    if (round % 4 === 0) await sendRequest('PUT', `/api/users/${sender}`, { username: 'Somebody' });
    await Promise.all([
      sendRequest('GET', `/api/messages/conversation/${sent.conversation_id}`),
      sendRequest('GET', `/api/conversations/user/${sender}`),
      sendRequest('GET', `/api/conversations/user/${receiver}`),
      sendRequest('GET', `/api/users/${sender}`),
      ...(round % 9 === 0 ? [sendRequest('GET', '/nowhere'), sendRequest('GET', '/readyz')] : []),
    ]);
    await pause(1000 / ROUNDS);
  }
}
