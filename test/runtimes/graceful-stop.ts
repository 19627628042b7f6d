import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { freshUsers } from '../http/client.ts';
import type { Runtime } from './runtimes.ts';
import type { RunningService } from './service.ts';

/** Longer than a stopping service waits before it closes connections. */
const MAX_NOTICE_MS = 2_000;

/**
 * Sends SIGTERM during a request. /readyz must fail before the stop (if the runtime `reportsStopping`), the request must be
 * answered, and the exit code must be 0. Rejects otherwise.
 */
export async function assertStopsGracefully(
  service: RunningService,
  { reportsStopping }: Runtime,
): Promise<void> {
  const [sender, receiver] = freshUsers();
  const body = JSON.stringify({ sender_id: sender, receiver_id: receiver, content: 'Hello' });
  const sending = request(`${service.url}/api/messages`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
  });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  await new Promise((resolve) => sending.write(body.slice(0, 10), resolve));
  // A response to a later request shows that the earlier one has arrived.
  assert.equal(await readiness(service.url), 200);

  const signalled = performance.now();
  const ended = service.end('SIGTERM');
  let readyStatus: number | null = 200;
  while (readyStatus !== null && performance.now() - signalled < MAX_NOTICE_MS) {
    const before = readyStatus;
    readyStatus = await readiness(service.url);
    if (reportsStopping && before === 200 && readyStatus === null)
      assert.fail('it stopped before /readyz failed');
    await pause(10);
  }
  assert.notEqual(readyStatus, 200, 'it is ready two seconds after SIGTERM');

  sending.end(body.slice(10));
  const [answer] = await answered;
  answer.resume();
  assert.equal(answer.statusCode, 201, 'the request in progress at SIGTERM');
  assert.equal(await ended, 0, `the exit code\n${service.lastLines()}`);
}

/** The status of /readyz over a new connection; null if there is no response within a second. */
function readiness(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    const asking = request(`${url}/readyz`, { agent: false, timeout: 1_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? null);
    });
    // After the stop of workerd, the operating system still accepts connections.
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(null));
    asking.end();
  });
}
