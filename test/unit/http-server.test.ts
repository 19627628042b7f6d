import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ListenError, openHttpServer, type HttpServer } from '../../src/adapters/system/http-server.ts';

const agent = new Agent({ keepAlive: true });
const opened: HttpServer[] = [];

async function open(fetch: (request: Request) => Response | Promise<Response>): Promise<HttpServer> {
  const server = await openHttpServer({ fetch, host: '127.0.0.1', port: 0 });
  opened.push(server);
  return server;
}

afterEach(async () => {
  agent.destroy();
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** A GET over a connection that is kept for the next one. */
async function get(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(request(url, { agent }).end(), 'response')) as [IncomingMessage];
  answer.resume();
  return answer;
}

/** A gate that stays shut until it is opened, and tells who stands before it. */
function gate() {
  let openGate = (): void => undefined;
  let arrive = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => (openGate = resolve));
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  return { open: () => openGate(), arrived, pass: () => (arrive(), isOpen) };
}

test('a server answers at its url', async () => {
  const server = await open((asked) => new Response(new URL(asked.url).pathname));
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await (await fetch(`${server.url}/path`)).text()).toBe('/path');
});

test('without a host a server answers at every address', async () => {
  const server = await openHttpServer({ fetch: () => new Response('here'), host: null, port: 0 });
  opened.push(server);
  expect(server.url).toMatch(/^http:\/\/localhost:\d+$/);
  const { port } = new URL(server.url);
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('here');
});

describe('closing', () => {
  test('waits for the answer to a request, and lets its connection go with it', async () => {
    const { open: openGate, arrived, pass } = gate();
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

    openGate();
    const answer = await answering;
    expect(answer.statusCode).toBe(200);
    expect(answer.headers.connection).toBe('close');
    await closing;
  });

  test('answers a request whose body is still on its way', async () => {
    const { arrived, pass, open: openGate } = gate();
    openGate();
    const server = await open(async (asked) => {
      await pass();
      return new Response(await asked.text());
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

  test('does not wait for a connection that was kept after its answer', async () => {
    const server = await open(() => new Response('done'));
    const answer = await get(server.url);
    expect(answer.headers.connection).toBe('keep-alive');
    await once(answer, 'end');
    await server.close();
  });

  test('does not wait for a connection that stays open after an answer begun before', async () => {
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
    // The server has it once it answers a later one.
    await (await fetch(server.url)).text();
    await Promise.all([server.close(), once(unused, 'close')]);
  });

  test('is done when nothing was asked', async () => {
    await (await open(() => new Response('done'))).close();
  });
});

describe('a server that can’t listen says why:', () => {
  test('the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const opening = openHttpServer({ fetch: () => new Response(), host: '127.0.0.1', port });
    await expect(opening).rejects.toThrow(
      new ListenError(`Port ${port} is taken by another process: choose another in PORT.`),
    );
    other.close();
  });

  // 192.0.2.0/24 is kept for documentation.
  test('the address is not here', async () => {
    const opening = openHttpServer({ fetch: () => new Response(), host: '192.0.2.1', port: 0 });
    await expect(opening).rejects.toThrow(
      new ListenError('192.0.2.1 is no address of this host: change HOST.'),
    );
  });
});
