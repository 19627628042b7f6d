import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { freshUsers } from '../http/client.ts';
import type { Runtime } from './runtimes.ts';
import type { RunningService } from './service.ts';

/** Longer than a stopping service waits before it closes its first connection. */
const MAX_NOTICE_MS = 2_000;

/**
 * Sends SIGTERM while a request is on its way: the service says by /readyz that it stops (where it `reportsStopping`),
 * answers what it has begun, and ends with code 0. Throws where it does not.
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
  // By the time that it answers a later request, it has the earlier one.
  assert.equal(await readiness(service.url), 200);

  const signalled = performance.now();
  const ended = service.end('SIGTERM');
  let readyStatus: number | null = 200;
  while (readyStatus !== null && performance.now() - signalled < MAX_NOTICE_MS) {
    const before = readyStatus;
    readyStatus = await readiness(service.url);
    if (reportsStopping && before === 200 && readyStatus === null) assert.fail('it stopped without notice');
    await pause(10);
  }
  assert.notEqual(readyStatus, 200, 'it is ready two seconds after SIGTERM');

  sending.end(body.slice(10));
  const [answer] = await answered;
  answer.resume();
  assert.equal(answer.statusCode, 201, 'what was on its way at SIGTERM');
  assert.equal(await ended, 0, `the exit code\n${service.lastLines()}`);
}

/** The status of /readyz, over a connection of its own; null where there is no answer, or none in a second. */
function readiness(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    const asking = request(`${url}/readyz`, { agent: false, timeout: 1_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? null);
    });
    // The system goes on taking connections for workerd, which no longer looks at them.
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(null));
    asking.end();
  });
}
