import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { LoadOrder, LoadReport, LoadRequest } from './request.ts';

/*
 * The load generator, a separate process: it receives a `LoadOrder` from its parent and replies with a `LoadReport`.
 *
 * It implements minimal HTTP/1.1 over plain sockets, because its CPU time is taken from the server and the database on
 * the same cores, which moves their ratio towards 1. A request costs it 36 µs of CPU; with autocannon, which also
 * rounds latencies to milliseconds, it was 117 µs.
 */

/** Longer than any server timeout, so that a hanging server fails the run. */
const GIVE_UP_MS = 20_000;

/** The bytes of `request`, with `key` as a header if it takes one. */
function encoded({ method, path, body, keyed }: LoadRequest): (key: () => string) => string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? '' : 'Content-Type: application/json\r\n';
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(text)}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${type}${length}`;
  const whole = `${head}\r\n${text}`;
  return keyed ? (key) => `${head}Idempotency-Key: ${key()}\r\n\r\n${text}` : () => whole;
}

/** The status of the response in `text`; null while it is incomplete. */
function statusOf(text: string): number | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error(`a response without Content-Length: ${text}`);
  return text.length < end + 4 + Number(length) ? null : Number(text.slice(9, 12));
}

/** The status of load shedding, and the delay before a client repeats the request. */
const TURNED_AWAY = 'urn:problem:messenger:overloaded';
const TURNED_AWAY_MS = 20;

/** Collected from the responses: latencies, and rejections (503). */
interface Told {
  readonly answered: (microseconds: number) => void;
  readonly rejected: () => void;
}

/** Sends requests over one connection until `next` has no more. */
function ask(url: string, next: () => string | null, tell: Told): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(port), hostname);
    let startedAt = 0;
    let received = '';
    let request: string | null = null;
    const send = (): void => {
      request ??= next();
      if (request === null) {
        socket.end();
        resolve();
        return;
      }
      startedAt = performance.now();
      socket.write(request);
    };
    socket.setNoDelay(true);
    // Content-Length counts bytes, so the text must have one character per byte.
    socket.setEncoding('latin1');
    socket.setTimeout(GIVE_UP_MS, () => socket.destroy(new Error(`no response within ${GIVE_UP_MS} ms`)));
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new Error('the server closed a connection'));
    });
    socket.on('connect', send);
    socket.on('data', (part) => {
      received += String(part);
      const status = statusOf(received);
      if (status === null) return;
      if (status === 503 && received.includes(TURNED_AWAY)) {
        tell.rejected();
        received = '';
        setTimeout(send, TURNED_AWAY_MS);
        return;
      }
      if (status >= 300) {
        socket.destroy(new Error(`unexpected response under load:\n${received}`));
        return;
      }
      tell.answered(Math.round((performance.now() - startedAt) * 1000));
      request = null;
      received = '';
      send();
    });
  });
}

async function load({ urls, requests, clients, milliseconds, atLeast = 0 }: LoadOrder): Promise<LoadReport> {
  const all = requests.map(encoded);
  // One random part for all keys of a run, because a UUID for each request costs CPU.
  const run = randomUUID();
  const latencies: number[] = [];
  const startedAt = performance.now();
  let sent = 0;
  const next = (): string | null => {
    if (sent >= atLeast && performance.now() - startedAt >= milliseconds) return null;
    sent += 1;
    return all[(sent - 1) % all.length]?.(() => `${run}-${sent}`) ?? null;
  };
  let rejected = 0;
  const tell: Told = {
    answered: (microseconds) => void latencies.push(microseconds),
    rejected: () => void (rejected += 1),
  };
  const asking = Array.from({ length: clients }, (_, index) =>
    ask(urls[index % urls.length] ?? '', next, tell),
  );
  await Promise.all(asking);
  return { seconds: (performance.now() - startedAt) / 1000, latencies, rejected };
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ failed: (error as Error).message }),
  );
});
