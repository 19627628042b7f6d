import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeMetricsApp } from '../../src/adapters/http/app.ts';
import { standaloneProblem } from '../../src/adapters/http/problems.ts';
import { makeMetrics } from '../../src/adapters/prometheus/metrics.ts';
import { openHttpServer } from '../../src/adapters/servers/node-server.ts';
import { startService, type Environment } from '../../test/faults/service.ts';
import { freePort } from '../local-cassandra/free-port.ts';
import { projectFolder } from '../local-cassandra/project-folder.ts';
import { tieToThisProcess } from '../local-cassandra/processes.ts';
import type { Tools } from './tools.ts';

/** A line of an answer of Prometheus. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** A service under a little load, and a Prometheus that reads its metrics. */
export interface Stage {
  /** The metrics as each of those who are read gives them. */
  readonly texts: () => Promise<readonly string[]>;
  /** What the expression has been while there was load; rejects with what Prometheus has against it. */
  readonly query: (expr: string) => Promise<readonly Series[]>;
  readonly rules: () => Promise<readonly { rules: readonly { name: string; query: string }[] }[]>;
}

/**
 * Runs `act` once there have been metrics for so long: of a service on the Cassandra that these variables name; or, where
 * there are none, of one in memory, and of a second one that has a Cassandra and a bad day, but is only its metrics.
 */
export async function onStage(
  tools: Tools,
  { seconds, cassandra }: { readonly seconds: number; readonly cassandra: Environment | null },
  act: (stage: Stage) => Promise<void>,
): Promise<void> {
  const closing: (() => unknown)[] = [];
  try {
    const folder = mkdtempSync(join(tmpdir(), 'messenger-ops-'));
    closing.push(() => rmSync(folder, { recursive: true }));

    const { url, metrics } = await openService(cassandra, closing);
    const addresses = [metrics, ...(cassandra === null ? [await openBadDay(closing)] : [])];
    const prometheus = await openPrometheus(tools, folder, addresses, closing);
    await load(url, seconds);

    const ended = Date.now() / 1000;
    const ask = async (path: string, parameters: Record<string, string> = {}): Promise<unknown> => {
      const answer = await fetch(
        `${prometheus}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
      );
      const { data, error } = (await answer.json()) as { data?: unknown; error?: string };
      if (error !== undefined) throw new Error(error);
      return data;
    };
    await act({
      texts: () => Promise.all(addresses.map(async (address) => (await fetch(address)).text())),
      query: async (expr) => {
        const range = { start: String(ended - seconds), end: String(ended), step: '1' };
        return ((await ask('query_range', { query: expr, ...range })) as { result: Series[] }).result;
      },
      rules: async () => ((await ask('rules')) as { groups: Awaited<ReturnType<Stage['rules']>> }).groups,
    });
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function openService(
  cassandra: Environment | null,
  closing: (() => unknown)[],
): Promise<{ url: string; metrics: string }> {
  const storage = cassandra === null ? 'memory' : 'cassandra';
  const service = startService({ ...cassandra, STORAGE: storage, METRICS_PORT: '0' });
  closing.push(() => service.terminate());
  await service.said(/"Ready at /);
  const metrics = /"Metrics at (http:[^"]+)"/.exec(await service.said(/"Metrics at /))?.[1];
  return { url: service.url, metrics: metrics! };
}

/** What goes out to a Cassandra, and how it may end. */
const STATEMENTS = ['BATCH conversations_by_user', 'BATCH messages', 'SELECT messages', 'SELECT users'];
const NODES = ['10.0.0.1:9042', '10.0.0.2:9042', '10.0.0.3:9042'];

/** The metrics of a service of which now and then a statement fails, and that turns some away. */
async function openBadDay(closing: (() => unknown)[]): Promise<string> {
  let told = 0;
  const { telemetry, ...metrics } = makeMetrics({
    concurrencyLimiter: () => ({ inProgress: told % 40, limit: 64, rejected: told >> 4 }),
    pools: () => NODES.map((node, index) => ({ node, connections: 2, inFlight: (told >> index) % 5 })),
    clock: () => ({ verified: told % 500 < 450, offsetSeconds: ((told % 60) - 30) / 1_000 }),
  });
  const timer = setInterval(() => {
    told += 1;
    for (const statement of STATEMENTS) {
      const end = telemetry.statementSent(statement);
      setTimeout(() => end(told % 25 === 0 ? 'unavailable' : 'ok', told % 20 === 0 ? 1 : 0), told % 8);
    }
    if (told % 10 === 0) telemetry.attemptRepeated();
    telemetry.inboxRead({ read: 64 + (told % 9), shown: 20 });
    const status = told % 25 === 0 ? 503 : 201;
    const replayed = told % 30 === 0;
    telemetry.requestAnswered({
      method: 'POST',
      route: '/api/messages',
      status,
      milliseconds: told % 90,
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

/** Starts a Prometheus that reads the metrics at `addresses` each second; resolves when it has begun to. */
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
  const tie = tieToThisProcess(child.pid!);
  const ended = once(child, 'exit').then(() => tie.kill());
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

/** Rounds of requests in a second. */
const ROUNDS = 8;

/** Has some users talk for so long, and one go wrong. */
async function load(url: string, seconds: number): Promise<void> {
  const run = Date.now();
  const until = performance.now() + seconds * 1000;
  const ask = async (method: string, path: string, body?: object, key?: string): Promise<string> => {
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
    const sent = JSON.parse(await ask('POST', '/api/messages', body, `${run}-${round}`)) as {
      conversation_id: string;
    };
    if (round % 6 === 0) await ask('POST', '/api/messages', body, `${run}-${round}`);
    if (round % 4 === 0) await ask('PUT', `/api/users/${sender}`, { username: 'Somebody' });
    await Promise.all([
      ask('GET', `/api/messages/conversation/${sent.conversation_id}`),
      ask('GET', `/api/conversations/user/${sender}`),
      ask('GET', `/api/conversations/user/${receiver}`),
      ask('GET', `/api/users/${sender}`),
      ...(round % 9 === 0 ? [ask('GET', '/nowhere'), ask('GET', '/readyz')] : []),
    ]);
    await pause(1000 / ROUNDS);
  }
}
