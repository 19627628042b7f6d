import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { environmentOf } from './cluster.ts';
import { makeSendRequest, type SendRequest } from './http.ts';
import { assertNoInternalDetails, recordResponses } from './leaks.ts';
import { usersOf, conversationOf, post } from './load.ts';
import { residentMb } from '../support/resident-memory.ts';
import { memoryOf } from './memory.ts';
import { MALFORMED } from './malformed-requests.ts';
import { responsesIn, openClients, type RawClient } from './raw-clients.ts';
import {
  assertAllServed,
  assertGuaranteesKept,
  assertConsistent,
  between,
  type Scenario,
} from './testbed.ts';

/** The maximum growth of a process under all attacks: thousands of connections, buffered bodies and responses, and garbage. */
const MAX_GROWTH_MB = 384;

/**
 * The service closes slow and idle connections after 15 s, and checks once a second. Node accepts one connection per turn of
 * its event loop, and the time of the last of ten thousand starts only then.
 */
const END_WITHIN_MS = 60_000;

/** The maximum number of open files besides those of an attack: fewer than any attack opens. */
const FILES_OTHERWISE = 80;

const REQUESTS_AFTER = 50;

const IDLE = 10_000;
const SLOW = 500;
const ENDLESS = 50;
const NON_READING = 20;
const PIPELINING = 20;

/** The service answers this many pipelined requests, and then closes the connection. */
const PIPELINED = 16;

const LONGEST_CONTENT = 'x'.repeat(20_000);
const PAGE = 20;

const LIVEZ = 'GET /livez HTTP/1.1\r\nHost: messenger\r\n\r\n';
const POST_HEAD = 'POST /api/messages HTTP/1.1\r\nHost: messenger\r\nContent-Type: application/json\r\n';

/** Opens hostile clients at `url`. Resolves when they have sent everything; `check` then describes their responses. */
type Attack = (url: string) => Promise<{ clients: readonly RawClient[]; check?: () => string }>;

/** Slow, endless, idle, non-reading and malformed clients: others are served, and the service needs little memory. */
export const hostileClients: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const service = testbed.startService(environment);
  await service.logged(/Ready at/);
  const responses = new Set<string>();
  const sendRequest = recordResponses(makeSendRequest(service.url), responses);
  const users = usersOf(8);
  const longPage = await beginLongPage(sendRequest);
  const load = testbed.startLoad({
    sendRequest,
    users,
    clients: { send: 4, 'send with a key': 1, read: 3 },
    thinkMs: 20,
  });
  // A warm-up, whose memory does not count as growth.
  await load.progress(5 * REQUESTS_AFTER);
  const startMb = residentMb(service.pid);

  for (const [action, attack] of Object.entries(attacksWith(longPage))) {
    const from = performance.now();
    const memory = memoryOf(service.pid);
    const { clients, check } = await attack(service.url);
    const done = performance.now();
    await ended(clients, service.pid);
    const gone = performance.now();
    await load.progress(REQUESTS_AFTER);
    const { startMb: before, maxMb } = memory.end();
    for (const { received } of clients) if (received !== '') responses.add(received);
    const attempts = between(load.attempts, from, Infinity);
    testbed.report({
      action,
      attempts,
      seen: [
        `memory ${before} MB, at most ${maxMb} MB, then ${residentMb(service.pid)} MB`,
        `the last connection ended ${((gone - done) / 1_000).toFixed(1)} s after the attack`,
        ...(check === undefined ? [] : [check()]),
      ].join('; '),
    });
    assertAllServed(attempts);
    assert.ok(maxMb - startMb < MAX_GROWTH_MB, `memory grew from ${startMb} to ${maxMb} MB`);
  }
  await load.stop();
  assertNoInternalDetails(responses);
  testbed.report({
    action: 'all responses',
    seen: `${responses.size} texts, none with internal details`,
  });
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users, attempts: load.attempts });
  await assertConsistent(testbed, [service], environment);
};

function attacksWith(longPage: string): Readonly<Record<string, Attack>> {
  return {
    [`${SLOW} headers and ${SLOW} bodies of one byte per second`]: async (url) => {
      const headers = await openClients(url, SLOW);
      trickle(headers, LIVEZ);
      const bodies = await openClients(url, SLOW);
      for (const [index, { socket }] of bodies.entries()) socket.write(slowHead(index));
      trickle(bodies, ' ');
      return {
        clients: [...headers, ...bodies],
        check: () => `${tallyOf(headers)}; ${tallyOf(bodies)}`,
      };
    },
    [`${ENDLESS} endless bodies, and ${ENDLESS} with a Content-Length of a terabyte`]: async (url) => {
      const clients = await openClients(url, 2 * ENDLESS);
      for (const [index, { socket }] of clients.entries()) {
        const isChunked = index % 2 === 0;
        socket.write(
          POST_HEAD +
            (isChunked ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${2 ** 40}\r\n\r\n`),
        );
        const part = 'x'.repeat(2 ** 16);
        pump(socket, isChunked ? `10000\r\n${part}\r\n` : part);
      }
      return { clients, check: () => tallyOf(clients) };
    },
    [`${IDLE} idle connections, half of them after a request`]: async (url) => {
      const clients = await openClients(url, IDLE);
      for (const [index, { socket }] of clients.entries()) if (index % 2 === 0) socket.write(LIVEZ);
      return { clients, check: () => tallyOf(clients) };
    },
    'half-closed connections after a whole request, a part of one, and none': async (url) => {
      const clients = await openClients(url, SLOW);
      const begun = [LIVEZ, LIVEZ.slice(0, 20), `${POST_HEAD}Content-Length: 100\r\n\r\n{"sender_id"`, ''];
      for (const [index, { socket }] of clients.entries()) socket.end(begun[index % begun.length]!);
      return { clients, check: () => tallyOf(clients) };
    },
    'malformed requests, alone and after a valid request': async (url) => {
      const clients = await openClients(url, 2 * MALFORMED.length);
      for (const [index, { socket }] of clients.entries()) {
        const malformed = MALFORMED[index >> 1]!;
        socket.write(index % 2 === 0 ? malformed : Buffer.concat([Buffer.from(LIVEZ), malformed]));
      }
      return {
        clients,
        check() {
          for (const [index, { received }] of clients.entries()) {
            const [first, ...others] = responsesIn(received);
            const refusals = index % 2 === 0 ? (first === undefined ? [] : [first]) : others;
            const name = JSON.stringify(MALFORMED[index >> 1]!.toString('latin1').slice(0, 100));
            if (index % 2 === 1) assert.equal(first?.status, 200, `not answered before ${name}`);
            for (const { status, head } of refusals) {
              // 501 is for a transfer coding that the server does not know.
              const isRefusal = (status >= 400 && status < 500) || status === 501;
              assert.ok(isRefusal, `${name} was answered by ${status}`);
              assert.match(head, /^content-type: application\/problem\+json\r$/im, name);
            }
          }
          return tallyOf(clients);
        },
      };
    },
    [`${NON_READING} clients that request ${PIPELINED} pages of 400 KB and read nothing`]: async (url) => {
      const clients = await openClients(url, NON_READING, { reads: false });
      const requestText = `GET ${longPage} HTTP/1.1\r\nHost: messenger\r\n\r\n`;
      for (const { socket } of clients) socket.write(requestText.repeat(PIPELINED));
      // A client that does not read detects the end of its connection only when it writes.
      trickle(clients, LIVEZ);
      return { clients };
    },
    [`${PIPELINING} clients that send a thousand requests without waiting`]: async (url) => {
      const clients = await openClients(url, PIPELINING);
      for (const { socket } of clients) socket.write(LIVEZ.repeat(1_000));
      return { clients };
    },
    [`${SLOW} connections reset in the middle of a body`]: async (url) => {
      const clients = await openClients(url, SLOW);
      const begun = `${POST_HEAD}Content-Length: 200000\r\n\r\n{"sender_id":"${'x'.repeat(1_000)}`;
      await Promise.all(
        clients.map(
          ({ socket }) =>
            new Promise<void>((resolve) => {
              socket.write(begun, () => {
                socket.resetAndDestroy();
                resolve();
              });
            }),
        ),
      );
      return { clients };
    },
  };
}

/** Stores a page of messages of the maximum length. Resolves with its path. */
async function beginLongPage(sendRequest: SendRequest): Promise<string> {
  const [sender, receiver] = usersOf(2);
  for (let count = 0; count < PAGE; count += 1) {
    const { status } = await post(sendRequest, {
      sender: sender!,
      receiver: receiver!,
      content: LONGEST_CONTENT,
      key: null,
    });
    assert.equal(status, 201);
  }
  return `/api/messages/conversation/${conversationOf(sender!, receiver!)}?limit=${PAGE}`;
}

/** The head of a request with a small body, a large one, or one of unknown length. */
function slowHead(index: number): string {
  const lengths = [
    'Content-Length: 100\r\n\r\n',
    'Content-Length: 200000\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\nffff\r\n',
  ];
  return `${POST_HEAD}${lengths[index % lengths.length]}`;
}

/** Writes one byte of `text` per second to each client until its connection ends. */
function trickle(clients: readonly RawClient[], text: string): void {
  let index = 0;
  const timer = setInterval(() => {
    const open = clients.filter(({ socket }) => socket.writable);
    for (const { socket } of open) socket.write(text.charAt(index % text.length));
    index += 1;
    if (open.length === 0) clearInterval(timer);
  }, 1_000);
}

/** Writes `part` repeatedly, with backpressure, until the connection ends. */
function pump(socket: RawClient['socket'], part: string): void {
  const more = (): void => {
    while (socket.writable && socket.write(part));
  };
  socket.on('drain', more);
  more();
}

/** The number of clients with each sequence of statuses, as text. */
function tallyOf(clients: readonly RawClient[]): string {
  const counts = new Map<string, number>();
  for (const { received } of clients) {
    const statuses = responsesIn(received).map(({ status }) => String(status));
    const end = statuses.length === 0 ? 'no answer' : statuses.join(' then ');
    counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  return [...counts].map(([end, count]) => `${count} × ${end}`).join(', ');
}

/** Resolves when all connections have ended, also in the service. Rejects after `END_WITHIN_MS`. */
async function ended(clients: readonly RawClient[], pid: number): Promise<void> {
  const cancel = new AbortController();
  const late = pause(END_WITHIN_MS, undefined, cancel).then(() => {
    const open = clients.filter(({ socket }) => !socket.closed).length;
    throw new Error(`${open} connections are not ended after ${END_WITHIN_MS} ms`);
  });
  const allEnded = async (): Promise<void> => {
    await Promise.all(clients.map(({ closed }) => closed));
    while (readdirSync(`/proc/${pid}/fd`).length > FILES_OTHERWISE) await pause(100, undefined, cancel);
  };
  try {
    await Promise.race([allEnded(), late]);
  } finally {
    late.catch(() => {});
    cancel.abort();
  }
}
