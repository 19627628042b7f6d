import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One connection of raw bytes. */
export interface RawClient {
  readonly socket: Socket;
  /** All that came back so far, one code unit for each byte. */
  readonly received: string;
  /** Resolves when the connection is no more, however it ended. */
  readonly closed: Promise<void>;
}

/** What came back as an answer. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Fewer than wait for a server of Node's to accept them. */
const CONCURRENCY = 250;

/** Opens `count` connections to the server at `url`, of which those that read keep what they read. */
export async function openClients(
  url: string,
  count: number,
  { reads = true }: { readonly reads?: boolean } = {},
): Promise<RawClient[]> {
  const { hostname, port } = new URL(url);
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const more = Array.from({ length: Math.min(CONCURRENCY, count - clients.length) }, async () => {
      // Half-closed, a connection goes on until the server ends it too.
      const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const client = { socket, received: '', closed };
      // The news is the closing. What is said to a connection that is gone already is lost, as is meant here.
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

/** The first answer in `received`, and what follows it; null while some of it is missing. */
export function firstAnswerIn(
  received: string,
): { readonly answer: RawAnswer; readonly rest: string } | null {
  const end = received.indexOf('\r\n\r\n');
  const head = received.slice(0, end + 2);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  const length = status === 100 ? 0 : Number(/^content-length: (\d+)\r$/im.exec(head)?.[1]);
  const next = end + 4 + length;
  if (end < 0 || Number.isNaN(status) || !(received.length >= next)) return null;
  return { answer: { status, head, body: received.slice(end + 4, next) }, rest: received.slice(next) };
}

/** Answers as they stand in `received`, one after the other. Throws where it is anything else. */
export function answersIn(received: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = received; rest !== '';) {
    const first = firstAnswerIn(rest);
    if (first === null) throw new Error(`this is no answer: ${JSON.stringify(rest.slice(0, 300))}`);
    answers.push(first.answer);
    rest = first.rest;
  }
  return answers;
}
