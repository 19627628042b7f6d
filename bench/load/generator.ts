import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { LoadOrder, LoadReport, LoadRequest } from './request.ts';

/*
 * The load generator, a process of its own: takes a `LoadOrder` from its parent, and answers with a `LoadReport`.
 *
 * It speaks just enough HTTP/1.1 over plain sockets, because whatever it does takes time from the server and the
 * database on the same processors, and draws their ratio towards one. A request costs it 36 µs of processor; the
 * same by autocannon, which also rounds latencies to milliseconds, was 117 µs.
 */

/** Longer than any deadline of a server: one that hangs is to be seen, not to be waited for. */
const GIVE_UP_MS = 20_000;

/** `request` as it goes over the wire, with `key` among its headers where it takes one. */
function encoded({ method, path, body, keyed }: LoadRequest): (key: () => string) => string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? '' : 'Content-Type: application/json\r\n';
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(text)}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${type}${length}`;
  const whole = `${head}\r\n${text}`;
  return keyed ? (key) => `${head}Idempotency-Key: ${key()}\r\n\r\n${text}` : () => whole;
}

/** The status of a whole answer in `text`; null while some of it is missing. */
function statusOf(text: string): number | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${text}`);
  return text.length < end + 4 + Number(length) ? null : Number(text.slice(9, 12));
}

/** How a service says that it has enough to do, and how long a client waits before it asks the same again. */
const TURNED_AWAY = 'urn:problem:messenger:overloaded';
const TURNED_AWAY_MS = 20;

/** What is told of the answers: how long each took, and which were a 503 that turned the client away. */
interface Told {
  readonly answered: (microseconds: number) => void;
  readonly turnedAway: () => void;
}

/** Asks over one connection, again and again until `next` has no more. */
function ask(url: string, next: () => string | null, tell: Told): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(port), hostname);
    let begun = 0;
    let received = '';
    let request: string | null = null;
    const send = (): void => {
      request ??= next();
      if (request === null) {
        socket.end();
        resolve();
        return;
      }
      begun = performance.now();
      socket.write(request);
    };
    socket.setNoDelay(true);
    // Lengths count bytes, and so must the text.
    socket.setEncoding('latin1');
    socket.setTimeout(GIVE_UP_MS, () => socket.destroy(new Error(`no answer within ${GIVE_UP_MS} ms`)));
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
        tell.turnedAway();
        received = '';
        setTimeout(send, TURNED_AWAY_MS);
        return;
      }
      if (status >= 300) {
        socket.destroy(new Error(`a server under load answered:\n${received}`));
        return;
      }
      tell.answered(Math.round((performance.now() - begun) * 1000));
      request = null;
      received = '';
      send();
    });
  });
}

async function load({ urls, requests, clients, milliseconds, atLeast = 0 }: LoadOrder): Promise<LoadReport> {
  const all = requests.map(encoded);
  // One random part for all keys of a run: to draw a UUID for each would be work.
  const run = randomUUID();
  const latencies: number[] = [];
  const begun = performance.now();
  let sent = 0;
  const next = (): string | null => {
    if (sent >= atLeast && performance.now() - begun >= milliseconds) return null;
    sent += 1;
    return all[(sent - 1) % all.length]?.(() => `${run}-${sent}`) ?? null;
  };
  let turnedAway = 0;
  const tell: Told = {
    answered: (microseconds) => void latencies.push(microseconds),
    turnedAway: () => void (turnedAway += 1),
  };
  const asking = Array.from({ length: clients }, (_, index) =>
    ask(urls[index % urls.length] ?? '', next, tell),
  );
  await Promise.all(asking);
  return { seconds: (performance.now() - begun) / 1000, latencies, turnedAway };
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ failed: (error as Error).message }),
  );
});
