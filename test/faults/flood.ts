import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { UserId } from '../../src/domain/ids.ts';
import type { Attempt, Send } from './load.ts';
import { firstResponseIn, type RawResponse } from './raw-clients.ts';

/** The interval at which an open-loop load sends the due requests. */
const TICK_MS = 5;

/**
 * The connections of an open-loop load, all opened before it starts, like those of a proxy. Node accepts one connection per
 * turn of its event loop, so a busy service would accept new ones too late.
 */
const CONNECTIONS = 500;

const OPENED_AT_ONCE = 50;

/** The result of a flood. */
export interface Flood {
  readonly attempts: readonly Attempt[];
  /** Due requests for which no connection was free. */
  readonly unsent: number;
}

/** A connection that sends raw bytes, which is much faster than Node's HTTP client. */
interface RawConnection {
  sendRequest(request: string): Promise<RawResponse>;
  close(): void;
}

/**
 * Sends and reads messages of `users`, two sends for each read, for `forMs` milliseconds. The load is an open loop, with
 * `perSecond` requests whether or not there are responses, or a closed loop of `clients` without pauses.
 */
export async function flood(deps: {
  readonly url: string;
  readonly users: readonly UserId[];
  readonly load: { readonly perSecond: number } | { readonly clients: number };
  readonly forMs: number;
}): Promise<Flood> {
  const { url, users, load, forMs } = deps;
  const { hostname, port } = new URL(url);
  const name = randomUUID();
  const attempts: Attempt[] = [];
  const connections: RawConnection[] = [];
  const idle: RawConnection[] = [];
  const inFlight = new Set<Promise<void>>();
  let sentCount = 0;
  let unsent = 0;

  const randomUser = (): UserId => users[Math.floor(Math.random() * users.length)]!;
  const open = (): RawConnection => {
    const connection = openRawConnection(hostname, Number(port));
    connections.push(connection);
    return connection;
  };

  const sendNext = async (connection: RawConnection): Promise<void> => {
    sentCount += 1;
    const send: Send | null =
      sentCount % 3 === 0
        ? null
        : { sender: randomUser(), receiver: randomUser(), content: `${name} ${sentCount}`, key: null };
    const at = performance.now();
    const { outcome, head, body } = await connection.sendRequest(requestOf(send, randomUser())).then(
      ({ status, ...answer }) => ({ outcome: status, ...answer }),
      () => ({ outcome: 'unanswered' as const, head: '', body: '' }),
    );
    attempts.push({
      kind: send === null ? 'read' : 'send',
      at,
      took: performance.now() - at,
      outcome,
      problem: /"type":"urn:problem:messenger:([^"]+)"/.exec(body)?.[1] ?? null,
      send,
      messageId: outcome === 201 ? (/"id":"([^"]+)"/.exec(body)?.[1] ?? null) : null,
      stale: null,
      retryAfter: /^retry-after: (\d+)\r$/im.exec(head)?.[1] ?? null,
    });
  };

  if ('clients' in load) {
    const until = performance.now() + forMs;
    const client = async (): Promise<void> => {
      const connection = open();
      while (performance.now() < until) await sendNext(connection);
    };
    await Promise.all(Array.from({ length: load.clients }, client));
  } else {
    while (connections.length < CONNECTIONS) {
      const opened = Array.from({ length: OPENED_AT_ONCE }, open);
      await Promise.all(
        opened.map((connection) => connection.sendRequest('GET /livez HTTP/1.1\r\nHost: messenger\r\n\r\n')),
      );
      idle.push(...opened);
    }
    const begun = performance.now();
    const until = begun + forMs;
    for (let due = 0; performance.now() < until; await pause(TICK_MS)) {
      const more = Math.floor(((performance.now() - begun) / 1_000) * load.perSecond) - due;
      due += more;
      for (let index = 0; index < more; index += 1) {
        // In turn, so that the service has no reason to close one as idle.
        const connection = idle.shift();
        if (connection === undefined) {
          unsent += 1;
          continue;
        }
        const answered = sendNext(connection).then(() => {
          idle.push(connection);
          inFlight.delete(answered);
        });
        inFlight.add(answered);
      }
    }
    await Promise.all(inFlight);
  }
  for (const connection of connections) connection.close();
  return { attempts, unsent };
}

function requestOf(send: Send | null, reader: UserId): string {
  if (send === null) return `GET /api/conversations/user/${reader} HTTP/1.1\r\nHost: messenger\r\n\r\n`;
  const { sender, receiver, content } = send;
  const body = JSON.stringify({ sender_id: sender, receiver_id: receiver, content });
  return (
    'POST /api/messages HTTP/1.1\r\nHost: messenger\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

function openRawConnection(host: string, port: number): RawConnection {
  let socket: Socket | null = null;
  let received = '';
  let settle: { resolve: (answer: RawResponse) => void; reject: (error: Error) => void };

  const look = (): void => {
    const first = firstResponseIn(received);
    if (first === null) return;
    received = first.rest;
    settle.resolve(first.answer);
  };

  return {
    sendRequest(request) {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
        if (socket === null) {
          socket = connect({ host, port, noDelay: true });
          // One code unit for each byte, so that lengths are bytes.
          socket.setEncoding('latin1');
          socket.on('data', (text: string) => {
            received += text;
            look();
          });
          socket.on('error', (error) => settle.reject(error));
          socket.on('close', () => {
            socket = null;
            settle.reject(new Error('closed'));
          });
        }
        socket.write(request);
      });
    },
    close: () => socket?.destroy(),
  };
}
