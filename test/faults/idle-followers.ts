import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { UserId } from '../../src/domain/ids.ts';
import { residentMb } from '../support/resident-memory.ts';
import { eventReads, openConnections } from './follower-figures.ts';
import { startFollower, type Follower } from './follower.ts';
import { makeSendRequest, type SendRequest } from './http.ts';
import { postUntilStored, usersOf } from './load.ts';
import { processorMs } from '../support/processor-time.ts';
import type { Service } from './service.ts';
import { percentile } from './table.ts';
import { assertConsistent, startTwoServices, type Scenario, type Testbed } from './testbed.ts';
import { openDroppingProxy, startStoppableReader } from './vanishing-clients.ts';

const IDLE_STREAMS = 5_000;
const IDLE_MS = 300_000;
const EVERY_MS = 30_000;
const OPENED_AT_ONCE = 100;
const RECONNECTING = 1_000;
const SENDERS = 10;

/** The maximum growth of the live heap of a process with idle streams in five minutes, in megabytes. */
const GROWTH_MB = 10;

/** The number of clients of each kind that vanish. */
const VANISHING = 50;

/** The maximum age of a stream, plus a margin for a busy host: by then its connection is closed. */
const GONE_WITHIN_MS = 300_000 + 30_000;

/** The time that a client has to read, plus a margin for a busy host. */
const SLOW_WITHIN_MS = 10_000 + 30_000;

/** Messages of the maximum length: more than the buffers of a connection hold. */
const LONG_MESSAGES = 300;
const LONGEST_CONTENT = 'x'.repeat(20_000);

/** The default of MAX_STREAMS_PER_USER. */
const STREAMS_PER_USER = 20;

/** A user gets a message every 30 ms: within the visibility window these are fewer than a cursor can hold. */
const BUSY_EVERY_MS = 30;
const BUSY_MESSAGES = 400;

/** Runs in the service: on SIGUSR2 it collects garbage and prints the size of the live heap in bytes. */
const HEAP_SCRIPT = `
import v8 from 'node:v8';
import vm from 'node:vm';
v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc');
let count = 0;
process.on('SIGUSR2', () => {
  gc();
  count += 1;
  console.log('live heap ' + count + ': ' + process.memoryUsage().heapUsed);
});`;

/**
 * Idle streams take a constant amount of memory for five minutes; connections of clients that vanished are closed at the
 * maximum age of a stream; and streams that break all at once are all resumed.
 */
export const idleFollowers: Scenario = async (testbed) => {
  const { broker, environment, services, urls } = await startTwoServices(testbed, HEAP_SCRIPT);
  const [first, second] = services;
  const streams: Follower[] = [];
  try {
    const empty = await liveHeap(first);
    const vanishing = reportVanished(testbed, second, makeSendRequest(first.url));
    // Awaited below, together with the idle streams.
    vanishing.catch(() => undefined);
    await openIdle(first, streams);
    const opened = await liveHeap(first);
    await Promise.all([reportIdle(testbed, first, { empty, opened, streams }), vanishing]);
    await reportReconnects(testbed, first, streams.slice(0, RECONNECTING));
    await reportLimit(testbed, second);
    await Promise.all(streams.map((stream) => stream.stop()));
    await reportBusy(testbed, urls);
    await assertConsistent(testbed, services, environment);
  } finally {
    await Promise.all(streams.map((stream) => stream.stop()));
    await broker.kill();
  }
};

const measurements = new WeakMap<Service, number>();

/** The size of the live heap in megabytes. */
async function liveHeap(service: Service): Promise<number> {
  const count = (measurements.get(service) ?? 0) + 1;
  measurements.set(service, count);
  process.kill(service.pid, 'SIGUSR2');
  const line = await service.logged(new RegExp(`^live heap ${count}:`));
  return Number(/\d+$/.exec(line)![0]) / 2 ** 20;
}

async function openIdle(service: Service, streams: Follower[]): Promise<void> {
  const users = usersOf(IDLE_STREAMS);
  for (let begin = 0; begin < IDLE_STREAMS; begin += OPENED_AT_ONCE) {
    const some = users
      .slice(begin, begin + OPENED_AT_ONCE)
      .map((userId) => startFollower({ urls: [service.url], instance: 0, userId, by: 'stream' }));
    streams.push(...some);
    await Promise.all(some.map((stream) => stream.connected()));
  }
}

async function reportIdle(
  testbed: Testbed,
  service: Service,
  { empty, opened, streams }: { empty: number; opened: number; streams: readonly Follower[] },
): Promise<void> {
  const before = await eventReads([service.url]);
  const refusedBefore = refusedBy(streams);
  const busyBefore = processorMs(service.pid);
  const resident = [residentMb(service.pid)];
  const begun = performance.now();
  while (performance.now() - begun < IDLE_MS) {
    await pause(EVERY_MS);
    resident.push(residentMb(service.pid));
  }
  const seconds = (performance.now() - begun) / 1_000;
  const after = await eventReads([service.url]);
  const busyMs = processorMs(service.pid) - busyBefore;
  const last = await liveHeap(service);
  testbed.report({
    action: `${IDLE_STREAMS} idle streams at one process, for ${(IDLE_MS / 60_000).toFixed(0)} minutes`,
    seen: [
      `live heap ${empty.toFixed(1)} MB without streams, ${opened.toFixed(1)} MB with, ${last.toFixed(1)} MB at the end`,
      `${(((last - empty) * 1_024) / IDLE_STREAMS).toFixed(0)} KB for each stream`,
      `resident ${resident.join(', ')} MB`,
      `${((after.statements - before.statements) / seconds).toFixed(0)} statements a second`,
      `${(busyMs / seconds / 10).toFixed(0)} % of a processor`,
      `${streams.filter(({ resumes }) => resumes > 0).length} reached their age and resumed, ${refusedBy(streams) - refusedBefore} attempts got a 503 first`,
    ].join('; '),
  });
  const grown = last - opened;
  assert.ok(grown < GROWTH_MB, `the heap grew by ${grown.toFixed(1)} MB`);
  assert.ok(
    streams.every(({ resumes }) => resumes <= 2),
    'an idle stream ended before its age',
  );
}

/** Clients that stop reading, and clients behind a proxy that drops all packets: the service gets no notice. */
async function reportVanished(testbed: Testbed, service: Service, sendRequest: SendRequest): Promise<void> {
  const users = usersOf(2 * VANISHING);
  const [stopped, lost] = [users.slice(0, VANISHING), users.slice(VANISHING)];
  const filesBefore = readdirSync(`/proc/${service.pid}/fd`).length;
  const reader = await startStoppableReader(service.url, stopped);
  const proxy = await openDroppingProxy(service.url);
  const behind = lost.map((userId) =>
    startFollower({ urls: [proxy.url], instance: 0, userId, by: 'stream' }),
  );
  try {
    await Promise.all(behind.map((client) => client.connected()));
    reader.stop();
    await proxy.dropPackets(async () => {
      await Promise.all(behind.map((client) => client.stop()));
    });
    const begun = performance.now();
    assert.equal(await openConnections(service.url), 2 * VANISHING);
    const unread = [stopped[0]!, lost[0]!];
    await sendLong(sendRequest, unread);
    const sentAt = performance.now();
    while ((await openConnections(service.url)) > 2 * VANISHING - unread.length) {
      assert.ok(performance.now() - sentAt < SLOW_WITHIN_MS, 'a stream that is not read stays open');
      await pause(500);
    }
    const slowAfter = performance.now() - sentAt;
    let goneAfter = 0;
    for (;;) {
      const open = await openConnections(service.url);
      if (open === 0) goneAfter ||= performance.now() - begun;
      const files = readdirSync(`/proc/${service.pid}/fd`).length;
      // One is the connection of this request.
      if (open === 0 && files <= filesBefore + 2) break;
      assert.ok(
        performance.now() - begun < GONE_WITHIN_MS,
        `${open} streams and ${files} files are still open`,
      );
      await pause(1_000);
    }
    testbed.report({
      action: `${VANISHING} streams whose clients stop (SIGSTOP), and ${VANISHING} behind a proxy that drops everything`,
      seen: [
        `with ${LONG_MESSAGES} long messages to one of each, these two ended at most ${(slowAfter / 1_000).toFixed(0)} s after the last of them`,
        `the last of the others after ${(goneAfter / 1_000).toFixed(0)} s`,
        `then as many files were open as before`,
      ].join('; '),
    });
  } finally {
    reader.kill();
    proxy.close();
    await Promise.all(behind.map((client) => client.stop()));
  }
}

async function sendLong(sendRequest: SendRequest, receivers: readonly UserId[]): Promise<void> {
  const [sender] = usersOf(1);
  const left = receivers.flatMap((receiver) => Array.from({ length: LONG_MESSAGES }, () => receiver));
  await inParallel(SENDERS, left, async (receiver) => {
    await postUntilStored(sendRequest, { sender: sender!, receiver, content: LONGEST_CONTENT });
  });
}

async function reportReconnects(
  testbed: Testbed,
  service: Service,
  reconnecting: readonly Follower[],
): Promise<void> {
  const begun = performance.now();
  const busyBefore = processorMs(service.pid);
  const refusedBefore = refusedBy(reconnecting);
  const took = await Promise.all(
    reconnecting.map(async (stream) => {
      stream.disconnect();
      await stream.connected();
      return performance.now() - begun;
    }),
  );
  const busyMs = processorMs(service.pid) - busyBefore;
  took.sort((a, b) => a - b);
  assert.ok(reconnecting.every(({ refusals }) => [...refusals.keys()].every((status) => status === 503)));
  const [p50, most] = [0.5, 1].map((share) => percentile(took, share)!.toFixed(0));
  testbed.report({
    action: `${RECONNECTING} streams break at once, and resume at the same process`,
    seen: [
      `all resumed, half within ${p50} ms, all within ${most} ms`,
      `${refusedBy(reconnecting) - refusedBefore} attempts answered 503 first`,
      `${(busyMs / RECONNECTING).toFixed(2)} ms of processor time for each`,
    ].join('; '),
  });
  const sendRequest = makeSendRequest(service.url);
  const [sender] = usersOf(1);
  await inParallel(SENDERS, reconnecting, async (stream) => {
    const { userId } = stream;
    const content = `after the reconnects to ${userId}`;
    const { id } = await postUntilStored(sendRequest, { sender: sender!, receiver: userId, content });
    await stream.arrived(id);
  });
  testbed.report({
    action: 'afterwards, a message to each of them',
    seen: `${RECONNECTING} sent, ${RECONNECTING} received`,
  });
}

function refusedBy(clients: readonly Follower[]): number {
  return clients.reduce((total, { refusals }) => total + (refusals.get(503) ?? 0), 0);
}

/** A user opens one stream more than the default allows: it gets a 429, and the others stay open. */
async function reportLimit(testbed: Testbed, service: Service): Promise<void> {
  const [userId] = usersOf(1);
  const follow = (): Follower =>
    startFollower({ urls: [service.url], instance: 0, userId: userId!, by: 'stream' });
  const allowed = Array.from({ length: STREAMS_PER_USER }, follow);
  await Promise.all(allowed.map((client) => client.connected()));
  const next = follow();
  while (next.refusals.size === 0) await pause(20);
  assert.deepEqual([...next.refusals.keys()], [429]);
  allowed[0]!.disconnect();
  await allowed[0]!.stop();
  await next.connected();
  testbed.report({
    action: `${STREAMS_PER_USER + 1} streams of one user`,
    seen: `${STREAMS_PER_USER} open; the next gets a 429 until one of them ends`,
  });
  await Promise.all([...allowed, next].map((client) => client.stop()));
}

/** A user who gets many messages receives them without delay, with about one read for each. */
async function reportBusy(testbed: Testbed, urls: readonly string[]): Promise<void> {
  const [busy] = usersOf(1);
  const clients = (['poll', 'stream'] as const).map((by) =>
    startFollower({ urls: urls.slice(1), instance: 0, userId: busy!, by }),
  );
  await Promise.all(clients.map((client) => client.connected()));
  const before = await eventReads(urls.slice(1));
  const sendRequest = makeSendRequest(urls[0]!);
  const [sender] = usersOf(1);
  const sends = Array.from({ length: BUSY_MESSAGES }, async (_, index) => {
    await pause(index * BUSY_EVERY_MS);
    const { id } = await postUntilStored(sendRequest, {
      sender: sender!,
      receiver: busy!,
      content: `No. ${index}`,
    });
    return { id, acknowledged: performance.now() };
  });
  const sent = await Promise.all(sends);
  await Promise.all(sent.flatMap(({ id }) => clients.map((client) => client.arrived(id))));
  const after = await eventReads(urls.slice(1));
  const lags = clients.map(({ by, messages, received, events }) => {
    const own = sent.map(({ id, acknowledged }) => messages.get(id)!.at - acknowledged).sort((a, b) => a - b);
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => percentile(own, share)!.toFixed(0));
    assert.equal(received, events.size, 'an event came twice');
    return `by ${by}: p50 ${p50} ms, p99 ${p99} ms, slowest ${most} ms after the 201`;
  });
  await Promise.all(clients.map((client) => client.stop()));
  testbed.report({
    action: `a user gets a message every ${BUSY_EVERY_MS} ms from another process`,
    seen: [...lags, after.since(before)].join('; '),
  });
  const reads = (after.statements - before.statements) / 2;
  assert.ok(reads < 2 * (after.delivered - before.delivered), `${reads} reads`);
}

async function inParallel<Item>(
  workers: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
    }),
  );
}
