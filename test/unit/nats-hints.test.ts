import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/local-cassandra/processes.ts';
import { EventStreams } from '../../src/adapters/http/event-streams.ts';
import { makeMemoryHints } from '../../src/adapters/memory/hints.ts';
import { openNatsHints, type NatsHints } from '../../src/adapters/nats/hints.ts';
import type { Log } from '../../src/application/ports/log.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { eventsOf, openStream, send, type Fetch } from '../http/client.ts';
import { openApp } from '../http/open-app.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { guardedLog } from '../support/log-leak-guard.ts';

const hasServer = spawnSync('nats-server', ['--version']).status === 0;
const isRequired = process.env['CI'] === 'true';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const SILENT = { info: () => undefined, error: () => undefined };

/** Starts a broker; resolves when it is ready. */
async function startBroker(port: number, args: readonly string[] = []) {
  const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  closing.push(end);
  let text = '';
  /** Resolves when the log of the broker contains `part` at least `times` times. */
  const untilLogged = async (part: string, times = 1): Promise<void> => {
    while (text.split(part).length <= times) await once(child.stderr, 'data');
  };
  child.stderr.on('data', (more) => (text += String(more)));
  await untilLogged('Server is ready');
  return { end, untilLogged, pid: child.pid! };
}

/** The hints of a process and their telemetry. */
async function openProcess(
  port: number,
  changed: { name?: string; password?: string; warn?: Log['warn'] } = {},
) {
  const counts = { sent: 0, received: 0, lost: 0 };
  const hints = await openNatsHints({
    options: {
      servers: [`127.0.0.1:${port}`],
      tls: false,
      credentials: changed.password === undefined ? null : { user: 'messenger', password: changed.password },
    },
    name: changed.name ?? 'messenger',
    local: makeMemoryHints(),
    telemetry: { hints: (count, what) => void (counts[what] += count) },
    log: { ...SILENT, warn: changed.warn ?? guardedLog.warn.bind(guardedLog) },
  });
  closing.push(() => hints.close());
  return { hints, counts };
}

const anna = 'anna@example.com:1' as UserId;
const ben = 'ben' as UserId;

/** Publishes until a hint arrives, because the subscription may not have reached the broker yet. */
async function publishUntil(hints: NatsHints, arrived: () => boolean): Promise<void> {
  while (!arrived()) {
    hints.publish([anna]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.runIf(isRequired)('the broker for these tests is installed', () => {
  expect(hasServer).toBe(true);
});

describe.runIf(hasServer)('hints by NATS', () => {
  test('reach the listeners of other processes, and those of this one once', async () => {
    const port = await freePort();
    await startBroker(port);
    const [one, other] = [await openProcess(port), await openProcess(port)];
    await Promise.all([one.hints.connected, other.hints.connected]);
    const received = { own: 0, anna: 0, ben: 0 };
    one.hints.subscribe(anna, () => (received.own += 1));
    const end = other.hints.subscribe(anna, () => (received.anna += 1));
    other.hints.subscribe(ben, () => (received.ben += 1));
    await publishUntil(one.hints, () => received.anna > 0);
    expect(received.own).toBe(one.counts.sent);
    expect(received.ben).toBe(0);
    expect(one.counts.received).toBe(0);
    end();
    const before = received.anna;
    one.hints.publish([anna]);
    one.hints.publish([ben]);
    await expect.poll(() => received.ben).toBeGreaterThan(0);
    expect(received.anna).toBe(before);
  });

  test('do not reach another service on the same broker', async () => {
    const port = await freePort();
    await startBroker(port);
    const [one, other, same] = [
      await openProcess(port),
      await openProcess(port, { name: 'other' }),
      await openProcess(port),
    ];
    await Promise.all([one, other, same].map(({ hints }) => hints.connected));
    let received = 0;
    let receivedOther = 0;
    other.hints.subscribe(anna, () => (receivedOther += 1));
    same.hints.subscribe(anna, () => (received += 1));
    await publishUntil(one.hints, () => received > 2);
    expect(receivedOther).toBe(0);
  });

  test('stay within the process without a broker, and are sent when it starts and after it restarts', async () => {
    const port = await freePort();
    const [one, other] = [await openProcess(port), await openProcess(port)];
    let own = 0;
    let received = 0;
    one.hints.subscribe(anna, () => (own += 1));
    other.hints.subscribe(anna, () => (received += 1));
    one.hints.publish([anna, anna, ben]);
    expect(own).toBe(2);
    expect(one.counts).toEqual({ sent: 0, received: 0, lost: 2 });
    expect(one.hints.isConnected()).toBe(false);
    const broker = await startBroker(port);
    await Promise.all([one.hints.connected, other.hints.connected]);
    await publishUntil(one.hints, () => received > 0);
    expect(one.hints.isConnected()).toBe(true);
    await broker.end();
    const { lost } = one.counts;
    await expect
      .poll(() => {
        one.hints.publish([anna]);
        return one.counts.lost;
      })
      .toBeGreaterThan(lost);
    expect(one.hints.isConnected()).toBe(false);
    await startBroker(port);
    const before = received;
    await publishUntil(one.hints, () => received > before);
  });

  test('work with a broker that requires a password', async () => {
    const port = await freePort();
    await startBroker(port, ['--user', 'messenger', '--pass', 'secret']);
    const { hints } = await openProcess(port, { password: 'secret' });
    await hints.connected;
    const wrong = await openProcess(port, { password: 'wrong' });
    expect(
      await Promise.race([wrong.hints.connected.then(() => true), hints.connected.then(() => false)]),
    ).toBe(false);
  });

  test('come back after the broker has refused the password again and again', async () => {
    const port = await freePort();
    const passwordIs = (password: string) => startBroker(port, ['--user', 'messenger', '--pass', password]);
    const right = await passwordIs('secret');
    const processes = [
      await openProcess(port, { password: 'secret' }),
      await openProcess(port, { password: 'secret' }),
    ] as const;
    await Promise.all(processes.map(({ hints }) => hints.connected));
    const [one, other] = processes;
    let received = 0;
    other.hints.subscribe(anna, () => (received += 1));
    await right.end();
    const wrong = await passwordIs('other');
    await wrong.untilLogged('authentication error', 2 * processes.length);
    await wrong.end();
    await passwordIs('secret');
    await publishUntil(one.hints, () => received > 0);
    expect(processes.map(({ hints }) => hints.isConnected())).toEqual([true, true]);
  });

  test('that the broker does not forward leave one warning, without the hash of a user id', async () => {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'nats-'));
    closing.push(async () => {
      rmSync(folder, { recursive: true });
    });
    const file = join(folder, 'nats.conf');
    writeFileSync(
      file,
      `authorization {
        users = [{ user: messenger, password: secret, permissions: { publish: ">", subscribe: "other.>" } }]
      }`,
    );
    const broker = await startBroker(port, ['--config', file]);
    const warnings: unknown[] = [];
    const warned = new EventEmitter();
    const warn: Log['warn'] = (...warning) => {
      warnings.push(warning);
      warned.emit('warning');
    };
    const { hints } = await openProcess(port, { password: 'secret', warn });
    await hints.connected;
    const warning = once(warned, 'warning');
    for (const user of [anna, ben]) hints.subscribe(user, () => undefined);
    await broker.untilLogged('Subscription Violation', 2);
    await warning;
    expect(warnings).toEqual([
      [{ servers: [`127.0.0.1:${port}`], reason: 'PermissionViolationError' }, expect.any(String)],
    ]);
  });

  test('make a stream of another process deliver at once; without them it delivers at its interval', async () => {
    const port = await freePort();
    const broker = await startBroker(port);
    const storage = memoryStorage();
    const [one, other] = [await openProcess(port), await openProcess(port)];
    await Promise.all([one.hints.connected, other.hints.connected]);
    const service = (hints: NatsHints, pollIntervalMs: number): { fetch: Fetch; streams: EventStreams } => {
      const streams = new EventStreams();
      const app = openApp({ storage, hints, pollIntervalMs, streams });
      closing.push(async () => streams.endAll());
      return { fetch: async (request) => app.fetch(request), streams };
    };
    const writer = service(one.hints, 3_600_000);
    const reader = service(other.hints, 3_600_000);
    const poller = service(other.hints, 100);
    const stream = await openStream(reader.fetch, eventsOf('ben'));
    await stream.next();
    let sent = await send(writer.fetch, 'anna', 'ben');
    // The first may have been published before the subscription.
    const received = stream.nextEvent();
    const again = setInterval(() => one.hints.publish([ben]), 50);
    expect((await received).data.id).toBe(sent.id);
    clearInterval(again);
    for (let n = 0; n < 10; n += 1) {
      sent = await send(writer.fetch, 'anna', 'ben');
      expect((await stream.nextEvent()).data.id).toBe(sent.id);
    }
    await broker.end();
    const slow = await openStream(poller.fetch, eventsOf('ben'));
    await slow.next();
    sent = await send(writer.fetch, 'anna', 'ben');
    expect((await slow.nextEvent()).data.id).toBe(sent.id);
  });
});
