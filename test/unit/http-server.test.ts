import { once } from 'node:events';
import { Agent, request, Server, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LIMITS, openHttpServer, type Limits } from '../../src/adapters/servers/node-server.ts';
import { lingeringClose } from '../../src/adapters/servers/lingering-close.ts';
import {
  ListenError,
  type HttpServer,
  type Peer,
  type RequestRejection,
} from '../../src/adapters/servers/server.ts';

const agent = new Agent({ keepAlive: true });
const opened: HttpServer[] = [];

/** Rejections, with the origin of the page. */
const refused: [RequestRejection, string | undefined][] = [];

const refuse = (why: RequestRejection, origin: string | undefined) => {
  refused.push([why, origin]);
  return { status: 400, headers: { 'X-Why': why }, body: `No: ${why}` };
};

async function open(
  fetch: (request: Request) => Response | Promise<Response>,
  limits: Partial<Limits> = {},
): Promise<HttpServer> {
  const server = await openHttpServer({
    fetch,
    refuse,
    host: '127.0.0.1',
    port: 0,
    limits: { ...LIMITS, ...limits },
  });
  opened.push(server);
  return server;
}

afterEach(async () => {
  agent.destroy();
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** A GET over a kept-alive connection. */
async function get(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(request(url, { agent }).end(), 'response')) as [IncomingMessage];
  answer.resume();
  return answer;
}

/** A connection that has written `sent`. */
function raw({ url }: HttpServer, sent: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(sent);
  return socket;
}

/** All data received until the connection ends. */
function received(server: HttpServer, sent: string): Promise<string> {
  return text(raw(server, sent));
}

const requestText = (path: string) => `GET ${path} HTTP/1.1\r\nHost: messenger\r\n\r\n`;
const pathOf = ({ url }: Request) => new URL(url).pathname;

/** An access check that waits until it is opened; `arrived` resolves at its first request. */
function accessPolicy() {
  let openAccessPolicy = (): void => undefined;
  let arrive = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => (openAccessPolicy = resolve));
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  return { open: () => openAccessPolicy(), arrived, pass: () => (arrive(), isOpen) };
}

test('a server responds at its url', async () => {
  const server = await open((requestText) => new Response(new URL(requestText.url).pathname));
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await (await fetch(`${server.url}/path`)).text()).toBe('/path');
});

test('a server at :: responds at every IPv4 and IPv6 address, and has a url that browsers accept', async () => {
  const server = await openHttpServer({ fetch: () => new Response('here'), refuse, host: '::', port: 0 });
  opened.push(server);
  expect(server.url).toMatch(/^http:\/\/localhost:\d+$/);
  const { port } = new URL(server.url);
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('here');
});

describe('closing', () => {
  test('goes through all connections a few times, and not once for each of them', async () => {
    const server = await open(() => new Response('done'));
    const unused = Array.from({ length: 200 }, () => connect(Number(new URL(server.url).port), '127.0.0.1'));
    await Promise.all(unused.map((socket) => once(socket, 'connect')));
    await get(server.url).then(text);
    const walks = vi.spyOn(Server.prototype, 'closeAllConnections');
    onTestFinished(() => {
      walks.mockRestore();
    });
    await Promise.all([server.close(), ...unused.map((socket) => once(socket.resume(), 'close'))]);
    expect(walks.mock.calls.length).toBeLessThan(50);
  });

  test('waits for the response to a request and closes its connection after it', async () => {
    const { open: openAccessPolicy, arrived, pass } = accessPolicy();
    const server = await open(async () => {
      await pass();
      return new Response('done');
    });
    const answering = get(server.url);
    await arrived;

    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await expect(fetch(server.url)).rejects.toThrow();
    expect(closed).toBe(false);

    openAccessPolicy();
    const answer = await answering;
    expect(answer.statusCode).toBe(200);
    expect(answer.headers.connection).toBe('close');
    await closing;
  });

  test('answers a request whose body is incomplete', async () => {
    const { arrived, pass, open: openAccessPolicy } = accessPolicy();
    openAccessPolicy();
    const server = await open(async (requestText) => {
      await pass();
      return new Response(await requestText.text());
    });
    const asking = request(server.url, { method: 'POST', agent });
    asking.write('first, ');
    await arrived;
    const closing = server.close();
    asking.end('last');
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    expect((await answer.setEncoding('utf8').toArray()).join('')).toBe('first, last');
    await closing;
  });

  test('does not wait for an idle kept-alive connection', async () => {
    const server = await open(() => new Response('done'));
    const answer = await get(server.url);
    expect(answer.headers.connection).toBe('keep-alive');
    await once(answer, 'end');
    await server.close();
  });

  test('does not wait for a connection that stays open after a response begun before', async () => {
    let body: ReadableStreamDefaultController<Uint8Array> | undefined;
    const server = await open(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              body = controller;
              controller.enqueue(Buffer.from('begun'));
            },
          }),
        ),
    );
    const answer = await get(server.url);
    const closing = server.close();
    body!.close();
    await once(answer, 'end');
    await closing;
  });

  test('does not wait for a connection that was never used', async () => {
    const server = await open(() => new Response('done'));
    const unused = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(unused, 'connect');
    // The server has accepted it when it answers a later one.
    await (await fetch(server.url)).text();
    await Promise.all([server.close(), once(unused, 'close')]);
  });

  test('completes without requests', async () => {
    await (await open(() => new Response('done'))).close();
  });
});

describe('a malformed request is refused and its connection ends:', () => {
  const cases: Readonly<Record<string, readonly [string, RequestRejection]>> = {
    junk: ['junk\r\n\r\n', 'malformed_request'],
    'an invalid host': ['GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 'malformed_request'],
    'no host': ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 'malformed_request'],
    'two hosts': ['GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n', 'malformed_request'],
    'compressed chunks': [
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'unsupported_transfer_coding',
    ],
    'chunks in HTTP/1.0': [
      'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'malformed_request',
    ],
    'a CONNECT request': ['CONNECT other:1 HTTP/1.1\r\nHost: other:1\r\n\r\n', 'malformed_request'],
    'two lengths': [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'malformed_request',
    ],
    'a body that breaks off': [
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz',
      'malformed_request',
    ],
    'a header without end': [`GET / HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`, 'header_too_large'],
    'a second host behind more fields than are read': [
      `GET / HTTP/1.1\r\nHost: a\r\n${'X:\r\n'.repeat(2_001)}Host: b\r\n\r\n`,
      'header_too_large',
    ],
    'one field too many': [
      `GET / HTTP/1.1\r\nHost: a\r\n${'X:\r\n'.repeat(LIMITS.headerFields)}\r\n`,
      'header_too_large',
    ],
    'an incomplete header': ['GET / HTTP/1.1\r\n', 'request_too_slow'],
    'an incomplete body': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n', 'request_too_slow'],
  };
  for (const [name, [sent, why]] of Object.entries(cases)) {
    test(name, async () => {
      const server = await open(async (request) => new Response(await request.text().catch(() => '')), {
        headerTimeoutMs: 100,
        requestTimeoutMs: 200,
      });
      refused.length = 0;
      const answer = await received(server, sent);
      expect(refused).toEqual([[why, undefined]]);
      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(answer.toLowerCase()).toContain(`x-why: ${why}\r\n`);
      expect(answer).toMatch(/\r\nconnection: close\r\n/i);
      expect(answer.endsWith(`\r\n\r\nNo: ${why}`)).toBe(true);
    });
  }

  test('after the responses to earlier requests', async () => {
    const { arrived, pass, open: openAccessPolicy } = accessPolicy();
    const server = await open(async (request) => {
      await pass();
      return new Response(pathOf(request));
    });
    const answers = received(server, `${requestText('/one')}junk\r\n\r\n`);
    await arrived;
    openAccessPolicy();
    expect(await answers).toMatch(/^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n[^]*\/one$/i);
  });

  test('and the rejection has the origin of the page, if it is known', async () => {
    const server = await open(async (request) => new Response(await request.text().catch(() => '')), {
      headerTimeoutMs: 100,
      requestTimeoutMs: 200,
    });
    const origin = 'Origin: https://chat.example\r\n';
    for (const sent of [
      `POST / HTTP/1.1\r\nHost: a\r\n${origin}Content-Length: 9\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${origin}\r\n`,
    ]) {
      refused.length = 0;
      await received(server, sent);
      expect(refused.map(([, from]) => from)).toEqual(['https://chat.example']);
    }
  });

  test('but a connection reset is not a rejection', async () => {
    const server = await open(async (request) => new Response(await request.text().catch(() => '')));
    refused.length = 0;
    const gone = raw(server, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf');
    await once(gone, 'connect');
    await (await fetch(server.url)).text();
    gone.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(refused).toEqual([]);
  });

  test('and later requests on its connection are not handled', async () => {
    const paths: string[] = [];
    const server = await open((request) => {
      paths.push(pathOf(request));
      return new Response('', { headers: { Connection: 'close' } });
    });
    await received(server, `GET /one HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${requestText('/two')}`);
    expect(paths).toEqual([]);
    await received(server, requestText('/three') + requestText('/four'));
    expect(paths).toEqual(['/three']);
  });

  test('a request with the maximum number of fields is handled with all of them', async () => {
    const server = await open(({ headers }) => new Response(headers.get('X-Last')));
    const fields = 'X:\r\n'.repeat(LIMITS.headerFields - 3);
    const sent = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}X-Last: here\r\n\r\n`;
    expect(await received(server, sent)).toMatch(/^HTTP\/1\.1 200 [^]*here$/);
  });

  test('HTTP/1.0 requires no Host, because health checks of some load balancers have none', async () => {
    const server = await open((request) => new Response(pathOf(request)));
    const answer = await received(server, 'GET /livez HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*\/livez$/);
  });

  test('an unknown expectation is ignored', async () => {
    const server = await open((request) => new Response(pathOf(request)));
    const sent = 'GET /one HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n';
    expect(await received(server, sent)).toMatch(/^HTTP\/1\.1 200 [^]*\/one$/);
  });
});

describe('a client that waits for 100 Continue', () => {
  const head = (length: number) =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;

  test('gets the refusal before it sends a body of any length, and its connection ends', async () => {
    // The server does not wait for a body that does not come: with this clock, it would wait forever.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await openHttpServer({
      fetch: lingeringClose(() => new Response('No', { status: 401 })),
      refuse,
      host: '127.0.0.1',
      port: 0,
    });
    opened.push(server);
    for (const length of [5, 200_000]) {
      const answer = await received(server, head(length));
      expect(answer).toMatch(/^HTTP\/1\.1 401 [^]*\r\nconnection: close\r\n[^]*No$/i);
      expect(answer).not.toContain('100 Continue');
    }
  });

  test('gets 100 Continue when the body is read, and keeps its connection', async () => {
    const server = await openHttpServer({
      async fetch(request, peer: Peer) {
        peer.sendContinue?.();
        return new Response(await request.text());
      },
      refuse,
      host: '127.0.0.1',
      port: 0,
    });
    opened.push(server);
    const client = raw(server, head(5)).setEncoding('latin1');
    const [first] = (await once(client, 'data')) as [string];
    expect(first).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('hello');
    const [answer] = (await once(client, 'data')) as [string];
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*hello$/);
    expect(answer).not.toMatch(/\r\nconnection: close\r\n/i);
    client.destroy();
  });
});

describe('the requests of a connection are limited:', () => {
  test('they are answered one at a time, in order', async () => {
    let inProgress = 0;
    let most = 0;
    const server = await open(async (request) => {
      most = Math.max(most, (inProgress += 1));
      await new Promise(setImmediate);
      inProgress -= 1;
      return new Response(pathOf(request), {
        headers: pathOf(request) === '/3' ? { Connection: 'close' } : {},
      });
    });
    const answers = await received(server, ['/1', '/2', '/3'].map(requestText).join(''));
    expect(answers.match(/\/\d$|\/\d(?=HTTP)/g)).toEqual(['/1', '/2', '/3']);
    expect(most).toBe(1);
  });

  test('of too many pipelined requests the first are answered, then the connection ends', async () => {
    let asked16 = 0;
    const server = await open(async (request) => {
      asked16 += 1;
      await new Promise(setImmediate);
      return new Response(pathOf(request));
    });
    for (const many of [40, 20_000]) {
      asked16 = 0;
      const answers = await received(
        server,
        Array.from({ length: many }, (_, index) => requestText(`/n${index}.`)).join(''),
      );
      const paths = answers.match(/\/n\d+\./g);
      expect(paths).toEqual(Array.from({ length: 16 }, (_, index) => `/n${index}.`));
      expect(answers.match(/\r\nconnection: close\r\n/gi)).toHaveLength(1);
      expect(asked16).toBe(16);
    }
  });

  test('data after too many requests is not read', async () => {
    const { pass, arrived, open: openAccessPolicy } = accessPolicy();
    const server = await open(async () => {
      await pass();
      return new Response();
    });
    const flood = raw(server, requestText('/').repeat(1_000)).on('error', () => undefined);
    await arrived;
    const part = requestText('/').repeat(1_000);
    for (let sent = 0; sent < 40 * 2 ** 20; sent += part.length) flood.write(part);
    const lengthAfter = async (): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return flood.writableLength;
    };
    // The socket buffers accept some data; the rest stays unsent.
    expect(await lengthAfter()).toBeGreaterThan(20 * 2 ** 20);
    flood.destroy();
    openAccessPolicy();
  });

  test('too many unanswered requests do not delay the closing', async () => {
    const { pass, open: openAccessPolicy } = accessPolicy();
    const server = await open(
      async () => {
        await pass();
        return new Response();
      },
      { pipelined: 2 },
    );
    const closed = once(raw(server, requestText('/').repeat(3)).resume(), 'close');
    openAccessPolicy();
    await closed;
    await server.close();
  });

  test('the connection of a response that is not read is closed', async () => {
    const server = await open(() => new Response('x'.repeat(2 ** 24)), { readTimeoutMs: 100 });
    const nonReading = raw(server, requestText('/')).pause();
    // A client that does not read notices the end only when it writes.
    const pinging = setInterval(() => nonReading.write('\r\n'), 20);
    await new Promise((resolve) => nonReading.on('error', resolve));
    clearInterval(pinging);
  });

  test('beyond the limit of unread responses, the oldest connection is closed', async () => {
    const length = 2 ** 25;
    const server = await open(() => new Response('x'.repeat(length)), { unreadLength: 1.5 * length });
    const first = raw(server, requestText('/')).pause();
    await once(first, 'connect');
    const second = raw(server, requestText('/'));
    const answer = new Promise<number>((resolve) => {
      let received = 0;
      second.on('data', (part) => {
        received += part.length;
        if (received > length) resolve(received);
      });
    });
    expect(await answer).toBeGreaterThan(length);
    const firstOnes = await new Promise<number>((resolve) => {
      let received = 0;
      first.on('error', () => undefined).on('data', (part) => (received += part.length));
      first.once('close', () => resolve(received));
      first.resume();
    });
    expect(firstOnes).toBeLessThan(length);
    second.destroy();
  });

  test('requests of many connections are handled in several turns of the event loop', async () => {
    /** The paths of the requests that were handled in each turn. */
    const turns: string[][] = [[]];
    const server = await open(
      (received) => {
        turns.at(-1)?.push(pathOf(received));
        return new Response('done');
      },
      { requestsPerTurn: 4 },
    );
    const sockets = Array.from({ length: 40 }, () => raw(server, requestText('/first')));
    // The server accepts connections one after another, and has accepted all of them when they have a response.
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    turns.splice(0, Infinity, []);
    let isOver = false;
    const countTurns = (): void => {
      turns.push([]);
      if (!isOver) setImmediate(countTurns);
    };
    setImmediate(countTurns);
    const responses = sockets.map((socket) => once(socket, 'data'));
    for (const [index, socket] of sockets.entries()) socket.write(requestText(`/${index}`));
    await Promise.all(responses);
    isOver = true;
    expect(turns.flat().toSorted()).toEqual(sockets.map((_, index) => `/${index}`).toSorted());
    // A turn of the server may lie in two turns of the count.
    expect(Math.max(...turns.map(({ length }) => length))).toBeLessThanOrEqual(8);
    for (const socket of sockets) socket.destroy();
  });

  test('new connections are accepted while others keep the server busy', async () => {
    let others = 0;
    const server = await open((received) => {
      if (pathOf(received) === '/other') others += 1;
      return new Response('done');
    });
    const busy = Array.from({ length: 256 }, () => raw(server, requestText('/other')));
    await Promise.all(busy.map((socket) => once(socket, 'data')));
    for (const socket of busy) {
      socket.on('data', () => socket.write(requestText('/other')));
      socket.write(requestText('/other'));
    }
    await Promise.race(busy.map((socket) => once(socket, 'data')));
    const before = others;
    const fresh = Array.from({ length: 100 }, () => raw(server, requestText('/new')));
    await Promise.all(fresh.map((socket) => once(socket, 'data')));
    const handledMeanwhile = others - before;
    for (const socket of [...busy, ...fresh]) socket.destroy();
    // One connection is accepted in each turn.
    expect(handledMeanwhile).toBeLessThan(100 * 32);
  });

  test('beyond the connection limit, further connections are closed', async () => {
    const server = await open(() => new Response('here'), { connections: 1 });
    const only = raw(server, requestText('/'));
    await once(only, 'data');
    await once(
      raw(server, requestText('/'))
        .on('error', () => undefined)
        .resume(),
      'close',
    );
    only.destroy();
  });

  test('an incomplete request does not delay the closing', async () => {
    const { arrived, pass } = accessPolicy();
    const server = await open(
      async (request) => {
        void pass();
        return new Response(await request.text());
      },
      { requestTimeoutMs: 1_500, headerTimeoutMs: 1_000 },
    );
    const slow = raw(server, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n');
    await arrived;
    await Promise.all([server.close(), once(slow.resume(), 'close')]);
  });
});

describe('a server that cannot listen reports why:', () => {
  test('the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const opening = openHttpServer({ fetch: () => new Response(), refuse, host: '127.0.0.1', port });
    await expect(opening).rejects.toThrow(
      new ListenError(`Port ${port} is in use by another process: set PORT to another port.`),
    );
    other.close();
  });

  // 192.0.2.0/24 is reserved for documentation.
  test('the address is not local', async () => {
    const opening = openHttpServer({ fetch: () => new Response(), refuse, host: '192.0.2.1', port: 0 });
    await expect(opening).rejects.toThrow(
      new ListenError('192.0.2.1 is not an address of this host: change HOST.'),
    );
  });
});
