import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { EventStreams, STREAM_LIMITS } from '../../src/adapters/http/event-streams.ts';
import { standaloneProblem } from '../../src/adapters/http/problems.ts';
import { openHttpServer } from '../../src/adapters/servers/node-server.ts';
import { makeMetrics } from '../../src/adapters/prometheus/metrics.ts';
import type { HttpServer } from '../../src/adapters/servers/server.ts';
import { makeMemoryHints } from '../../src/adapters/memory/hints.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import type { StreamEnd } from '../../src/application/ports/telemetry.ts';
import type { EventRepository } from '../../src/application/ports/event-repository.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import type { Dependencies } from '../../src/composition/container.ts';
import {
  sendRequest,
  eventsAt,
  eventsOf,
  get,
  openStream,
  ORIGIN,
  problemIn,
  send,
  type Fetch,
} from './client.ts';
import { guarded, guardedAccess, openGuardedApp, tokenOf } from './guarded-app.ts';
import { openApp } from './open-app.ts';
import { positionAt } from '../../src/domain/time.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { memoryStorage } from '../support/memory-storage.ts';

let served: { server: HttpServer; streams: EventStreams }[] = [];
afterEach(async () => {
  for (const { streams } of served) streams.endAll();
  await Promise.all(served.map(({ server }) => server.close()));
  served = [];
});

/** The service on a port, with Node's server. */
async function serve(changed: Partial<Dependencies> = {}, limits: Partial<typeof STREAM_LIMITS> = {}) {
  const streams = new EventStreams({ ...STREAM_LIMITS, ...limits });
  const { fetch: answer } = openApp({ streams, ...changed });
  const server = await openHttpServer({
    fetch: answer,
    refuse: standaloneProblem,
    host: '127.0.0.1',
    port: 0,
  });
  served.push({ server, streams });
  const overPort: Fetch = (asked) => fetch(new Request(asked.url.replace(ORIGIN, server.url), asked));
  return { fetch: overPort, streams, server, port: Number(new URL(server.url).port) };
}

/** A client that opens a stream and does not read it. `more` are further lines of the header. */
async function openUnread(port: number, path: string, more = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: messenger.test\r\nAccept: text/event-stream\r\n${more}\r\n`);
  return socket;
}

/** Waits until `holds`, and yields to the event loop in between. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a stream', () => {
  test('ends cleanly at its maximum age, also if its client has vanished, and can be resumed', async () => {
    const { fetch, streams, port } = await serve({}, { maxAgeMs: 50 });
    await openUnread(port, eventsOf('ben'));
    const stream = await openStream(fetch, eventsOf('ben'));
    const { id } = (await stream.next()) ?? {};
    assert.ok(id);
    assert.equal(await stream.next(), null);
    await until(() => streams.size === 0);
    const resumed = await openStream(fetch, eventsOf('ben'), { 'Last-Event-ID': id });
    assert.equal(resumed.response.status, 200);
    await resumed.close();
  });

  test('ends cleanly when the service stops, and can be resumed at another process', async () => {
    const { fetch, streams, server } = await serve();
    const stream = await openStream(fetch, eventsOf('ben'));
    await stream.next();
    const poll = eventsAt(fetch, `${eventsOf('ben')}?wait=25&cursor=${stream.lastId()}`);
    await until(() => streams.size === 2);
    streams.endAll();
    await server.close();
    expect(await stream.next()).toBeNull();
    expect((await poll).data).toEqual([]);
    expect(streams.size).toBe(0);
  });

  test('that is opened while the service stops gets its cursor and ends', async () => {
    const { fetch, streams } = await serve();
    streams.endAll();
    const stream = await openStream(fetch, eventsOf('ben'));
    expect((await stream.next())?.id).toBeDefined();
    expect(await stream.next()).toBeNull();
  });

  test('ends when its client disconnects', async () => {
    const { fetch, streams } = await serve();
    const stream = await openStream(fetch, eventsOf('ben'));
    const abort = new AbortController();
    const poll = fetch(
      new Request(`${ORIGIN}${eventsOf('ben')}?wait=25&cursor=${(await stream.next())?.id ?? ''}`, {
        signal: abort.signal,
      }),
    );
    await until(() => streams.size === 2);
    await stream.close();
    await until(() => streams.size === 1);
    abort.abort();
    await assert.rejects(poll);
    await until(() => streams.size === 0);
  });

  test('ends when its connection is reset', async () => {
    const { streams, port } = await serve();
    const socket = await openUnread(port, eventsOf('ben'));
    await until(() => streams.size === 1);
    socket.resetAndDestroy();
    await until(() => streams.size === 0);
  });

  test('whose client disconnects before the first batch is released', async () => {
    const storage = memoryStorage();
    const steps = new EventEmitter();
    const released = once(steps, 'release');
    const listAfter: EventRepository['listAfter'] = async (...query) => {
      steps.emit('read');
      await released;
      return storage.events.listAfter(...query);
    };
    const hints = makeMemoryHints();
    let subscriptions = 0;
    let open = 0;
    const { fetch: answer } = openApp({
      storage: withBreakage(storage, { events: { listAfter } }),
      hints: {
        ...hints,
        subscribe: (...subscription) => {
          const unsubscribe = hints.subscribe(...subscription);
          subscriptions += 1;
          return () => {
            subscriptions -= 1;
            unsubscribe();
          };
        },
      },
      telemetry: {
        ...NOOP_TELEMETRY,
        streamOpened: () => {
          open += 1;
          return () => (open -= 1);
        },
      },
    });
    const client = new AbortController();
    const headers = { Accept: 'text/event-stream' };
    const reading = once(steps, 'read');
    const response = answer(new Request(ORIGIN + eventsOf('ben'), { headers, signal: client.signal }));
    await reading;
    client.abort();
    steps.emit('release');
    // As servers do with the answer to a client that has left.
    await (await response).body?.cancel();
    await until(() => subscriptions === 0 && open === 0);
  });

  test.each([
    ['', ''],
    [', also if its client waits for 100 Continue', 'Expect: 100-continue\r\n'],
  ])('that is not read in time loses its connection%s, and buffers at most one batch', async (_, header) => {
    const written = vi.spyOn(console, 'error');
    onTestFinished(() => {
      written.mockRestore();
    });
    const { fetch, streams, port } = await serve({}, { readTimeoutMs: 300 });
    const socket = await openUnread(port, eventsOf('ben'), header);
    await until(() => streams.size === 1);
    for (let n = 0; n < 200 && streams.size > 0; n += 1) await send(fetch, 'anna', 'ben', 'x'.repeat(20_000));
    await until(() => streams.size === 0);
    const closed = once(
      socket.on('error', () => undefined),
      'close',
    );
    socket.resume();
    await closed;
    expect(written).not.toHaveBeenCalled();
  });

  test('that is not read in time ends without an error where the connection cannot be closed', async () => {
    const streams = new EventStreams({ ...STREAM_LIMITS, readTimeoutMs: 50 });
    const app = openApp({ streams });
    const fetch: Fetch = async (request) => app.fetch(request);
    const stream = await openStream(fetch, eventsOf('ben'));
    await stream.next();
    await until(() => streams.size === 0);
    expect(await stream.next()).toBeNull();
  });

  test('that is not read does not delay the stop beyond the time limit for clients', async () => {
    const { fetch, streams, server, port } = await serve({}, { readTimeoutMs: 500 });
    await openUnread(port, eventsOf('ben'));
    await until(() => streams.size === 1);
    // More than the socket buffers hold.
    for (let n = 0; n < 20; n += 1)
      await Promise.all(Array.from({ length: 20 }, () => send(fetch, 'anna', 'ben', 'x'.repeat(20_000))));
    streams.endAll();
    await server.close();
  });

  test('that waits longest is closed when all streams together buffer too much', async () => {
    const { fetch, streams, port } = await serve({}, { unreadBytes: 200_000, readTimeoutMs: 5_000 });
    for (let n = 0; n < 4; n += 1) await openUnread(port, eventsOf('ben'));
    await until(() => streams.size === 4);
    for (let n = 0; n < 400 && streams.size > 3; n += 1) await send(fetch, 'anna', 'ben', 'x'.repeat(20_000));
    expect(streams.size).toBeLessThan(4);
  });

  test('ends when its token expires', async () => {
    const app = openGuardedApp({});
    const seconds = Math.ceil(Date.now() / 1_000);
    const token = await tokenOf({ sub: 'ben', exp: seconds - 29 });
    const stream = await openStream(async (request) => app.fetch(request), eventsOf('ben'), {
      Authorization: `Bearer ${token}`,
    });
    await stream.next();
    expect(await stream.next()).toBeNull();
  });

  test('does not count towards the concurrency limit while it waits', async () => {
    const { fetch, streams } = await serve({ maxRequestsInFlight: 1 });
    for (const user of ['anna', 'ben', 'carl']) await (await openStream(fetch, eventsOf(user))).next();
    expect(streams.size).toBe(3);
    await send(fetch, 'anna', 'ben');
  });

  test('lasts longer than the request timeout', async () => {
    const { fetch } = await serve({ requestTimeoutMs: 50 });
    const stream = await openStream(fetch, eventsOf('ben'));
    const { id = '' } = (await stream.next()) ?? {};
    expect((await eventsAt(fetch, `${eventsOf('ben')}?wait=1&cursor=${id}`)).data).toEqual([]);
    const sent = await send(fetch, 'anna', 'ben');
    expect((await stream.nextEvent()).data.id).toBe(sent.id);
  });

  test('sends a comment with its cursor as a heartbeat', async () => {
    const { fetch } = await serve({ pollIntervalMs: 50 });
    const stream = await openStream(fetch, eventsOf('ben'));
    await stream.next();
    for (let n = 0; n < 3; n += 1) {
      const { comment, id } = (await stream.next()) ?? {};
      expect(comment).toBe(true);
      expect((await eventsAt(fetch, `${eventsOf('ben')}?cursor=${id}`)).data).toEqual([]);
    }
    await stream.close();
  });

  test('is rejected beyond the limit per user, until another ends', async () => {
    const { fetch, streams } = await serve({}, { streamsPerUser: 2 });
    const open = [await openStream(fetch, eventsOf('ben')), await openStream(fetch, eventsOf('ben'))];
    const headers = { Accept: 'text/event-stream' };
    const refused = await sendRequest(fetch, 'GET', eventsOf('ben'), { headers });
    problemIn(refused, 429, 'too-many-streams');
    expect(refused.headers.get('Retry-After')).not.toBeNull();
    await (await openStream(fetch, eventsOf('anna'))).next();
    await open[0]?.close();
    await until(() => streams.size === 2);
    await (await openStream(fetch, eventsOf('ben'))).next();
  });

  test('is rejected beyond the limit of the process', async () => {
    const { fetch } = await serve({}, { streams: 2 });
    for (const user of ['anna', 'ben']) await (await openStream(fetch, eventsOf(user))).next();
    const headers = { Accept: 'text/event-stream' };
    problemIn(await sendRequest(fetch, 'GET', eventsOf('carl'), { headers }), 503, 'overloaded');
    expect((await get(fetch, eventsOf('carl'))).status).toBe(200);
  });
});

describe('without a verified clock', () => {
  const clockCheck = { verified: () => Promise.reject(new ClockNotVerified()) };

  test('events are a 503, as JSON and as a stream', async () => {
    const app = openApp({ clockCheck });
    const fetch: Fetch = async (request) => app.fetch(request);
    problemIn(await get(fetch, eventsOf('ben')), 503, 'clock-not-verified');
    const headers = { Accept: 'text/event-stream' };
    problemIn(await sendRequest(fetch, 'GET', eventsOf('ben'), { headers }), 503, 'clock-not-verified');
  });
});

describe('access of others', () => {
  test('events of another user are a 403, as JSON and as a stream', async () => {
    const app = openGuardedApp({});
    const { as, service, anyone } = guarded(async (request) => app.fetch(request));
    const headers = { Accept: 'text/event-stream' };
    for (const options of [{}, { headers }]) {
      problemIn(await sendRequest(as('ben'), 'GET', eventsOf('anna'), options), 403, 'events-of-another');
      problemIn(await sendRequest(anyone, 'GET', eventsOf('anna'), options), 401, 'token-missing');
    }
    expect((await get(as('anna'), eventsOf('anna'))).status).toBe(200);
    expect((await get(service, eventsOf('anna'))).status).toBe(200);
  });

  test('the response does not reveal how many streams the other user has open', async () => {
    const app = openGuardedApp({ streams: new EventStreams({ ...STREAM_LIMITS, streamsPerUser: 1 }) });
    const { as } = guarded(async (request) => app.fetch(request));
    const stream = await openStream(as('anna'), eventsOf('anna'));
    await stream.next();
    const headers = { Accept: 'text/event-stream' };
    problemIn(await sendRequest(as('anna'), 'GET', eventsOf('anna'), { headers }), 429, 'too-many-streams');
    problemIn(await sendRequest(as('ben'), 'GET', eventsOf('anna'), { headers }), 403, 'events-of-another');
    const poll = `${eventsOf('anna')}?wait=1&cursor=${stream.lastId()}`;
    problemIn(await get(as('ben'), poll), 403, 'events-of-another');
    await stream.close();
  });
});

describe('the metrics of streams', () => {
  /** The service on a port, with metrics. */
  async function serveCounted(
    limits: Partial<typeof STREAM_LIMITS> = {},
    changed: Partial<Dependencies> = {},
  ) {
    const metrics = makeMetrics({
      concurrencyLimiter: () => ({ inProgress: 0, limit: 64, rejected: 0 }),
      pools: null,
      clock: null,
      eventConnections: () => ({ open: service.streams.size, limit: service.streams.limit }),
      brokerConnected: null,
    });
    const service = await serve({ ...changed, metrics, telemetry: metrics.telemetry }, limits);
    /** The open streams, the open connections, and the ended streams by reason. */
    const counted = async () => {
      const text = await metrics.text();
      const numberOf = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
      const ended = [...text.matchAll(/^messenger_event_streams_ended_total\{reason="(\w+)"\} (\d+)$/gm)];
      return {
        streams: numberOf('messenger_event_streams'),
        connections: numberOf('messenger_event_connections'),
        ended: Object.fromEntries(ended.map(([, reason = '', count]) => [reason, Number(count)])),
      };
    };
    return { ...service, counted };
  }

  const ENDS: Record<
    StreamEnd,
    {
      limits?: Partial<typeof STREAM_LIMITS>;
      changed?: () => Partial<Dependencies>;
      end: (service: Awaited<ReturnType<typeof serveCounted>>) => Promise<void>;
    }
  > = {
    client: {
      end: async ({ port, streams }) => {
        const socket = await openUnread(port, eventsOf('ben'));
        await until(() => streams.size === 1);
        socket.resetAndDestroy();
      },
    },
    slow: {
      limits: { readTimeoutMs: 300 },
      end: async ({ fetch, port, streams }) => {
        await openUnread(port, eventsOf('ben'));
        await until(() => streams.size === 1);
        while (streams.size > 0) await send(fetch, 'anna', 'ben', 'x'.repeat(20_000));
      },
    },
    expired: {
      changed: guardedAccess,
      end: async ({ fetch }) => {
        const token = await tokenOf({ sub: 'ben', exp: Math.ceil(Date.now() / 1_000) - 29 });
        const stream = await openStream(fetch, eventsOf('ben'), { Authorization: `Bearer ${token}` });
        while ((await stream.next()) !== null);
      },
    },
    age: {
      limits: { maxAgeMs: 50 },
      end: async ({ fetch }) => {
        const stream = await openStream(fetch, eventsOf('ben'));
        while ((await stream.next()) !== null);
      },
    },
    stopping: {
      end: async ({ fetch, streams }) => {
        const stream = await openStream(fetch, eventsOf('ben'));
        streams.endAll();
        while ((await stream.next()) !== null);
      },
    },
    behind: {
      changed: () => {
        const storage = memoryStorage();
        let reads = 0;
        // The log is lost after the first read.
        const completeSince = () =>
          (reads += 1) === 1 ? storage.events.completeSince() : positionAt(2 * Date.now() * 1_000);
        return { pollIntervalMs: 20, storage: withBreakage(storage, { events: { completeSince } }) };
      },
      end: async ({ fetch }) => {
        const stream = await openStream(fetch, eventsOf('ben'));
        while ((await stream.next()) !== null);
      },
    },
  };

  test.each(Object.keys(ENDS) as StreamEnd[])('count no stream after an end by %s', async (reason) => {
    const { limits, changed, end } = ENDS[reason];
    const service = await serveCounted(limits, changed?.());
    expect(await service.counted()).toEqual({ streams: 0, connections: 0, ended: {} });
    await end(service);
    await until(() => service.streams.size === 0);
    await expect
      .poll(() => service.counted())
      .toEqual({ streams: 0, connections: 0, ended: { [reason]: 1 } });
  });
});

test('telemetry records streams, deliveries and resumptions', async () => {
  const recorded: unknown[] = [];
  const telemetry = {
    ...NOOP_TELEMETRY,
    streamOpened: (resumed: boolean) => {
      recorded.push({ resumed });
      return (reason: string) => void recorded.push({ ended: reason });
    },
    eventsDelivered: (count: number) => {
      if (count > 0) recorded.push(count);
    },
    eventLag: (milliseconds: number) => void recorded.push(milliseconds >= 0),
  };
  const app = openApp({ telemetry });
  const fetch: Fetch = async (request) => app.fetch(request);
  const first = await openStream(fetch, eventsOf('ben'));
  await first.next();
  await send(fetch, 'anna', 'ben');
  await first.nextEvent();
  await first.close();
  const second = await openStream(fetch, eventsOf('ben'), { 'Last-Event-ID': first.lastId() });
  await second.close();
  expect(recorded.filter((one) => one !== true)).toEqual([
    { resumed: false },
    1,
    { ended: 'client' },
    { resumed: true },
    { ended: 'client' },
  ]);
});
