import type { Socket } from 'node:net';
import autocannon from 'autocannon';
import { setTimeout as pause } from 'node:timers/promises';
import { processorMs } from '../test/support/processor-time.ts';
import type { Server } from './processes.ts';
import { percentile } from './statistics.ts';

/** A request of a workload. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** Whether each send has a new Idempotency-Key. */
  readonly keyed?: true;
  /** The bearer token of the caller. */
  readonly token?: string;
  /** The path of the next request, if each has another; then `path` is the path of one of them. */
  readonly nextPath?: () => string;
}

/** The measurements of one round of load on one server. */
export interface Round {
  /** Processor time of the server per answered request, in microseconds. */
  readonly processor: number;
  /** Answered requests per second. */
  readonly throughput: number;
  /** Latencies in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Requests that load shedding rejected (503). Only the processor time includes them. */
  readonly rejected: number;
  /** Answered requests. */
  readonly answered: number;
}

/** The measured time starts after the connections are open and each has had its first responses. */
const SETTLE_SECONDS = 0.3;

let lastKey = 0;
const keyPrefix = crypto.randomUUID();

/**
 * Loads `server` with autocannon: each connection sends its next request after the response to the last one. Every
 * connection has its own requests, if there are enough. Throws if a response is neither successful nor a rejection by
 * load shedding, if most requests are rejected, if a connection breaks, and if one gets no response.
 */
export async function load(
  server: Server,
  requests: readonly LoadRequest[],
  {
    connections,
    seconds,
    settleSeconds = SETTLE_SECONDS,
    atLeast = 5,
    maxWaitMs = 20_000,
    otherPids = [],
  }: {
    readonly connections: number;
    readonly seconds: number;
    readonly settleSeconds?: number;
    /** The round continues until it has this many responses, and one on each connection, for at most `maxWaitMs`. */
    readonly atLeast?: number;
    readonly maxWaitMs?: number;
    /** Other processes whose processor time is part of that of a request. */
    readonly otherPids?: readonly number[];
  },
): Promise<Round> {
  const encoded = requests.map(encode);
  let next = 0;
  let resolve = (): void => undefined;
  const done = new Promise<void>((settle) => (resolve = settle));
  const instance = autocannon(
    {
      url: server.url,
      connections,
      // The end is set by `stop` below.
      duration: 3_600,
      sampleInt: 50,
      setupClient(client) {
        const first = next++;
        const count = Math.max(Math.floor(requests.length / connections), 1);
        client.setRequests(
          Array.from(
            { length: count },
            (_, index) => encoded[(first + index * connections) % encoded.length]!,
          ),
        );
      },
    },
    resolve,
  );
  const latencies: number[] = [];
  const unexpected = new Set<string>();
  let rejected = 0;
  let isMeasuring = false;
  const sockets = new Map<unknown, Socket>();
  const alive = new Set<unknown>();
  instance.on('response', (client, status, __, milliseconds) => {
    // autocannon replaces a connection that the server has closed, and reports nothing.
    const { conn } = client as unknown as { readonly conn: Socket };
    if (conn !== (sockets.get(client) ?? conn)) unexpected.add('a connection was closed');
    sockets.set(client, conn);
    if (isMeasuring) alive.add(client);
    if (status === 503) rejected += isMeasuring ? 1 : 0;
    else if (status >= 300) unexpected.add(`status ${status}`);
    else if (isMeasuring) latencies.push(milliseconds);
  });
  instance.on('reqError', (error) => unexpected.add(String(error)));
  await pause(settleSeconds * 1000);
  isMeasuring = true;
  const usedMs = (): number => [server.pid, ...otherPids].reduce((sum, pid) => sum + processorMs(pid), 0);
  const [startedAt, before] = [performance.now(), usedMs()];
  await pause(seconds * 1000);
  const isComplete = (): boolean => latencies.length >= atLeast && alive.size === connections;
  for (let waited = 0; !isComplete() && waited < maxWaitMs; waited += 10) await pause(10);
  const [endedAt, after] = [performance.now(), usedMs()];
  isMeasuring = false;
  instance.stop();
  await done;
  const silent = connections - alive.size;
  if (silent > 0) unexpected.add(`${silent} of ${connections} connections had no response`);
  if (rejected > latencies.length) {
    unexpected.add(`${rejected} requests rejected, ${latencies.length} answered: is the machine idle?`);
  }
  if (unexpected.size > 0) throw new Error(`${server.url} under load: ${[...unexpected].join(', ')}`);
  return {
    processor: ((after - before) * 1000) / latencies.length,
    throughput: (latencies.length * 1000) / (endedAt - startedAt),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    rejected,
    answered: latencies.length,
  };
}

/**
 * Loads `server` with each list of requests in turn, `rounds` times, after one round that is not measured. Returns the rounds
 * of each list.
 */
export async function loadInTurn<Name>(
  server: Server,
  lists: ReadonlyMap<Name, readonly LoadRequest[]>,
  { rounds, ...pace }: { readonly rounds: number } & Parameters<typeof load>[2],
): Promise<Map<Name, Round[]>> {
  const measured = new Map<Name, Round[]>();
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, requests] of lists) {
      const one = await load(server, requests, pace);
      measured.set(name, round < 0 ? [] : [...measured.get(name)!, one]);
    }
  }
  return measured;
}

function encode(given: LoadRequest): autocannon.Request {
  const { method, path, body, keyed, nextPath } = given;
  const request: autocannon.Request = { method, path, headers: headersOf(given) };
  if (body !== undefined) request.body = JSON.stringify(body);
  if (nextPath) request.setupRequest = (own) => ({ ...own, path: nextPath() });
  if (keyed) {
    request.setupRequest = (own) => ({
      ...own,
      headers: { ...own.headers, 'Idempotency-Key': `${keyPrefix}-${(lastKey += 1)}` },
    });
  }
  return request;
}

function headersOf({ body, token }: Pick<LoadRequest, 'body' | 'token'>): Record<string, string> {
  return {
    ...(body && { 'Content-Type': 'application/json' }),
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
  };
}

/** Sends one request to the server at `url`. */
export async function requestOnce(url: string, request: LoadRequest) {
  const { method, path, body, keyed } = request;
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { ...headersOf(request), ...(keyed && { 'Idempotency-Key': crypto.randomUUID() }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, type: answer.headers.get('Content-Type'), text: await answer.text() };
}
