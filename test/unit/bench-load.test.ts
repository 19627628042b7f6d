import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { load, type Round } from '../../bench/load.ts';

/** A round of load on a server with `listener`. */
async function roundOf(listener: RequestListener, maxWaitMs = 20_000): Promise<Round> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const pace = { connections: 2, seconds: 0.05, settleSeconds: 0.05, atLeast: 20, maxWaitMs };
    return await load(
      { url, pid: process.pid, stop: () => Promise.resolve() },
      [{ method: 'GET', path: '/' }],
      pace,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Answers with the status of each request by its number. */
function statuses(statusOf: (number: number) => number): RequestListener {
  let number = 0;
  return (_, response) => {
    response.writeHead(statusOf(number++)).end();
  };
}

// The processor time is that in /proc.
describe.runIf(process.platform === 'linux')('a round of load', () => {
  test('counts answered and rejected requests', async () => {
    const { answered, rejected } = await roundOf(statuses((number) => (number % 3 === 0 ? 503 : 200)));
    expect(answered).toBeGreaterThanOrEqual(20);
    expect(rejected).toBeGreaterThan(0);
  });

  test('fails if a response is an error', async () => {
    await expect(roundOf(statuses((number) => (number % 3 === 0 ? 404 : 200)))).rejects.toThrow('status 404');
  });

  test('fails if most requests are rejected', async () => {
    await expect(roundOf(statuses((number) => (number % 10 === 0 ? 200 : 503)))).rejects.toThrow('rejected');
  });

  test('fails if the server closes a connection', async () => {
    let number = 0;
    const closing: RequestListener = (request, response) => {
      if (number++ % 5 === 4) request.socket.end();
      else response.end();
    };
    await expect(roundOf(closing)).rejects.toThrow('a connection was closed');
  });

  test('fails if a connection gets no response', async () => {
    let first: unknown;
    const hanging: RequestListener = ({ socket }, response) => {
      first ??= socket;
      if (socket === first) response.end();
    };
    await expect(roundOf(hanging, 500)).rejects.toThrow('of 2 connections had no response');
  });
});
