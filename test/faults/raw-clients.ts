import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection that sends and receives raw bytes. */
export interface RawClient {
  readonly socket: Socket;
  /** The bytes received so far, one code unit each. */
  readonly received: string;
  /** Resolves when the connection is closed, for any reason. */
  readonly closed: Promise<void>;
}

/** A parsed response. */
export interface RawResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Below the backlog of a Node server. */
const CONCURRENCY = 250;

/** Opens `count` connections to the server at `url`. With `reads`, they store what they receive. */
export async function openClients(
  url: string,
  count: number,
  { reads = true }: { readonly reads?: boolean } = {},
): Promise<RawClient[]> {
  const { hostname, port } = new URL(url);
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const more = Array.from({ length: Math.min(CONCURRENCY, count - clients.length) }, async () => {
      // A half-closed connection stays open until the server closes it, too.
      const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const client = { socket, received: '', closed };
      // Only the close event matters. Writes to a closed connection are lost, as intended.
      socket.on('error', () => {});
      await once(socket, 'connect');
      if (reads) {
        socket.setEncoding('latin1').on('data', (text: string) => (client.received += text));
        socket.on('end', () => socket.end());
      }
      return client;
    });
    clients.push(...(await Promise.all(more)));
  }
  return clients;
}

/** The first response in `received`, and the rest; null while it is incomplete. */
export function firstResponseIn(
  received: string,
): { readonly answer: RawResponse; readonly rest: string } | null {
  const end = received.indexOf('\r\n\r\n');
  const head = received.slice(0, end + 2);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  const length = status === 100 ? 0 : Number(/^content-length: (\d+)\r$/im.exec(head)?.[1]);
  const next = end + 4 + length;
  if (end < 0 || Number.isNaN(status) || !(received.length >= next)) return null;
  return { answer: { status, head, body: received.slice(end + 4, next) }, rest: received.slice(next) };
}

/** All responses in `received`. Throws if it contains anything else. */
export function responsesIn(received: string): RawResponse[] {
  const answers: RawResponse[] = [];
  for (let rest = received; rest !== '';) {
    const first = firstResponseIn(rest);
    if (first === null) throw new Error(`not a response: ${JSON.stringify(rest.slice(0, 300))}`);
    answers.push(first.answer);
    rest = first.rest;
  }
  return answers;
}
