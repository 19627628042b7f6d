import assert from 'node:assert/strict';
import { describe, test, vi } from 'vitest';
import { createClient, ProblemError, type FollowItem } from '../../client/src/index.ts';
import { BlockParser } from '../../client/src/event-stream.ts';
import { ManualTimer, settled } from '../support/client-fakes.ts';

/** A request of the client. A test answers each one. */
interface Connection {
  readonly url: URL;
  readonly cursor: string | null;
  readonly isStream: boolean;
  readonly aborted: () => boolean;
  readonly respond: (response: Response) => void;
  readonly fail: () => void;
  /** Opens a stream; each text is a part of it. */
  readonly open: (...parts: readonly string[]) => void;
  readonly push: (text: string) => void;
  readonly end: () => void;
  readonly breakOff: () => void;
}

/** A client that follows, what it has yielded, and its requests. */
function follow(options: { cursor?: string } = {}) {
  const timer = new ManualTimer();
  const connections: Connection[] = [];
  const items: string[] = [];
  const stopping = new AbortController();
  const client = createClient({
    baseUrl: 'http://messenger.test/path/',
    userId: 'ada',
    timer,
    random: () => 0,
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        const signal = init!.signal!;
        const headers = new Headers(init!.headers);
        let body: ReadableStreamDefaultController<Uint8Array>;
        let isOpen = false;
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
          if (isOpen) body.error(signal.reason);
        });
        const push = (text: string): void => body.enqueue(new TextEncoder().encode(text));
        const parsed = new URL(url);
        connections.push({
          url: parsed,
          cursor: headers.get('Last-Event-ID') ?? parsed.searchParams.get('cursor'),
          isStream: headers.get('Accept') === 'text/event-stream',
          aborted: () => signal.aborted,
          respond: resolve,
          fail: () => reject(new TypeError('fetch failed')),
          open(...parts) {
            isOpen = true;
            const stream = new ReadableStream<Uint8Array>({
              start: (controller) => void (body = controller),
            });
            resolve(new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } }));
            parts.forEach(push);
          },
          push,
          end: () => body.close(),
          breakOff: () => body.error(new TypeError('terminated')),
        });
      }),
  });
  const ended = (async () => {
    for await (const item of client.follow({ ...options, signal: stopping.signal })) items.push(textOf(item));
  })();
  ended.catch(() => undefined);
  const next = async (): Promise<Connection> => {
    await settled();
    const connection = connections.shift();
    assert.ok(connection, 'a request is on its way');
    return connection;
  };
  /** What was yielded since the last call. */
  const yielded = async (): Promise<string[]> => {
    await settled();
    return items.splice(0);
  };
  return { timer, connections, next, yielded, ended, stop: () => stopping.abort() };
}

function textOf(item: FollowItem): string {
  if (item.kind === 'event') return `event ${item.event.id} then ${item.cursor}`;
  return item.kind === 'reset' ? `reset to ${item.cursor}` : item.state;
}

const event = (id: string, type = 'message.created') => ({ id, type, timestamp: '', data: {} });

const block = (id: string, cursor?: string, type?: string) =>
  `${cursor === undefined ? '' : `id: ${cursor}\n`}event: x\ndata: ${JSON.stringify(event(id, type))}\n\n`;

const problem = (code: string, status: number) =>
  Response.json(
    { type: `urn:problem:messenger:${code}`, title: 'Refused', status, detail: 'It is refused.' },
    { status },
  );

const list = (next_cursor: string, ...ids: readonly string[]) =>
  Response.json({ data: ids.map((id) => event(id)), next_cursor });

describe('a stream', () => {
  test('begins with a reset, and yields events with the cursor that follows each', async () => {
    const { next, yielded, stop, ended, timer } = follow();
    const stream = await next();
    assert.equal(stream.url.href, 'http://messenger.test/path/api/events/user/ada');
    assert.deepEqual([stream.cursor, stream.isStream], [null, true]);
    stream.open('retry: 1000\nid: c0\n\n', block('1') + block('2', 'c2'));
    assert.deepEqual(await yielded(), [
      'connecting',
      'live',
      'reset to c0',
      'event 1 then c0',
      'event 2 then c2',
    ]);
    stop();
    await ended;
    assert.ok(stream.aborted());
    assert.deepEqual(timer.planned, []);
  });

  test('that is aborted between two items leaves no timer', async () => {
    const timer = new ManualTimer();
    const stopping = new AbortController();
    const stream = new Response('id: c0\n\n', { headers: { 'Content-Type': 'text/event-stream' } });
    const client = createClient({
      baseUrl: 'http://messenger.test',
      userId: 'ada',
      timer,
      fetch: () => Promise.resolve(stream),
    });
    for await (const item of client.follow({ signal: stopping.signal })) {
      if (item.kind !== 'reset') continue;
      assert.equal(timer.planned.length, 1);
      stopping.abort();
      assert.deepEqual(timer.planned, []);
    }
  });

  test('begins at a cursor without a reset', async () => {
    const { next, yielded } = follow({ cursor: 'c9' });
    const stream = await next();
    assert.equal(stream.cursor, 'c9');
    stream.open('id: c9\n\n');
    assert.deepEqual(await yielded(), ['connecting', 'live']);
  });

  test('is resumed after it ends or breaks, from the last cursor, also that of a heartbeat', async () => {
    const { next, yielded, timer } = follow();
    const first = await next();
    first.open('id: c0\n\n', block('1', 'c1'), ':\nid: c2\n\n');
    await yielded();
    first.end();
    await timer.pass(1_000);
    const second = await next();
    assert.equal(second.cursor, 'c2');
    second.open('id: c2\n\n', block('2', 'c3'));
    await timer.pass(5_000);
    second.breakOff();
    await timer.pass(1_000);
    const third = await next();
    assert.equal(third.cursor, 'c3');
    third.open('id: c3\n\n');
    assert.deepEqual(await yielded(), ['event 2 then c3']);
  });

  test('repeats no event', async () => {
    const { next, yielded, timer } = follow({ cursor: 'c0' });
    const first = await next();
    first.open(block('1'), block('2'));
    await yielded();
    first.breakOff();
    await timer.pass(500);
    (await next()).open(block('1') + block('2') + block('3', 'c3'));
    assert.deepEqual(await yielded(), ['offline', 'live', 'event 3 then c3']);
  });

  test('whose event types are not known goes on', async () => {
    const { next, yielded } = follow({ cursor: 'c0' });
    (await next()).open(block('1', 'c1', 'message.reacted') + block('2', 'c2'));
    assert.deepEqual((await yielded()).slice(-1), ['event 2 then c2']);
  });

  test('on which nothing arrives for 45 seconds is resumed', async () => {
    const { next, timer, connections, yielded } = follow();
    const stream = await next();
    stream.open('id: c0\n\n');
    for (let beat = 0; beat < 4; beat += 1) {
      await timer.pass(44_000);
      stream.push(':\nid: c1\n\n');
    }
    await timer.pass(44_000);
    assert.deepEqual([stream.aborted(), connections.length], [false, 0]);
    await timer.pass(2_000);
    assert.ok(stream.aborted());
    assert.equal((await next()).cursor, 'c1');
    assert.deepEqual(await yielded(), ['connecting', 'live', 'reset to c0']);
  });

  test('is resumed when the browser reports a network: the connection may be that of another one', async () => {
    const host = new EventTarget();
    vi.stubGlobal('addEventListener', host.addEventListener.bind(host));
    vi.stubGlobal('removeEventListener', host.removeEventListener.bind(host));
    try {
      const { next, timer, yielded } = follow();
      const stream = await next();
      stream.open('id: c0\n\n');
      // As after the sleep of a computer, for which timers do not run.
      await timer.pass(20_000);
      host.dispatchEvent(new Event('online'));
      await timer.pass(1_000);
      assert.ok(stream.aborted());
      assert.equal((await next()).cursor, 'c0');
      assert.deepEqual(await yielded(), ['connecting', 'live', 'reset to c0']);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test.each([401, 403, 404])('goes on after a %d of something else, such as a proxy', async (status) => {
    const { next, timer, yielded } = follow();
    (await next()).respond(new Response('<h1>Not now</h1>', { status }));
    await timer.pass(1_000);
    (await next()).open('id: c0\n\n');
    assert.deepEqual(await yielded(), ['connecting', 'offline', 'live', 'reset to c0']);
  });

  test('that cannot be opened is repeated with growing pauses, while the client is offline', async () => {
    const { next, timer, yielded } = follow();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      (await next()).fail();
      await settled();
      pauses.push(timer.planned[0]!);
      await timer.pass(timer.planned[0]!);
    }
    assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    (await next()).respond(problem('storage-unavailable', 503));
    await timer.pass(15_000);
    (await next()).respond(problem('internal-error', 500));
    await timer.pass(15_000);
    (await next()).open('id: c0\n\n');
    assert.deepEqual(await yielded(), ['connecting', 'offline', 'live', 'reset to c0']);
  });

  test('that breaks again and again is resumed with growing pauses', async () => {
    const { next, timer } = follow({ cursor: 'c0' });
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const stream = await next();
      stream.open('id: c0\n\n');
      await settled();
      stream.breakOff();
      await settled();
      pauses.push(timer.planned[0]!);
      await timer.pass(timer.planned[0]!);
    }
    assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000]);
  });

  test('with an expired cursor begins again with a reset', async () => {
    const { next, yielded } = follow({ cursor: 'old' });
    (await next()).respond(problem('cursor-expired', 410));
    const stream = await next();
    assert.equal(stream.cursor, null);
    stream.open('id: c0\n\n');
    assert.deepEqual(await yielded(), ['connecting', 'live', 'reset to c0']);
  });

  test('whose cursor has expired although it has none ends with the problem', async () => {
    const { next, connections, ended } = follow();
    (await next()).respond(problem('cursor-expired', 410));
    await settled();
    assert.equal(connections.length, 0);
    await assert.rejects(ended, (error) => error instanceof ProblemError && error.problem.status === 410);
  });

  test('that is refused ends with the problem', async () => {
    const { next, ended } = follow();
    (await next()).respond(problem('events-of-another', 403));
    await assert.rejects(ended, (error) => error instanceof ProblemError && error.problem.status === 403);
  });
});

describe('where streams do not work', () => {
  const UNUSABLE: Readonly<Record<string, (connection: Connection, timer: ManualTimer) => Promise<void>>> = {
    'a proxy that withholds them': async (connection, timer) => {
      connection.open();
      await timer.pass(10_000);
    },
    'a proxy that ends them at once': async (connection) => {
      connection.open();
      connection.end();
      await settled();
    },
    'a response of another type': async (connection) => {
      connection.respond(Response.json({ data: [], next_cursor: 'c0' }));
      await settled();
    },
    'a host without streams': async (connection) => {
      connection.respond(new Response(null, { headers: { 'Content-Type': 'text/event-stream' } }));
      await settled();
    },
  };

  test.each(Object.entries(UNUSABLE))('polls replace them: %s', async (_, spoil) => {
    const { next, timer, yielded } = follow();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await spoil(await next(), timer);
      await timer.pass(1_000);
    }
    const first = await next();
    assert.deepEqual([first.isStream, first.cursor], [false, null]);
    first.respond(list('c0'));
    await timer.pass(1_000);
    const second = await next();
    assert.deepEqual([second.cursor, second.url.searchParams.get('wait')], ['c0', '25']);
    second.respond(list('c2', '1', '2'));
    const third = await next();
    assert.equal(third.cursor, 'c2');
    third.respond(list('c3', '2', '3'));
    assert.deepEqual(await yielded(), [
      'connecting',
      'offline',
      'polling',
      'reset to c0',
      'event 1 then c0',
      'event 2 then c2',
      'event 3 then c3',
    ]);
    // Ten minutes later a stream is tried again.
    let polls = 0;
    for (let request = await next(); !request.isStream; request = await next()) {
      await timer.pass(25_000);
      request.respond(list(`c${(polls += 1)}`));
    }
    assert.equal(polls, 24);
  });

  test('a user with too many streams polls from time to time', async () => {
    const { next, timer, yielded } = follow();
    (await next()).respond(problem('too-many-streams', 429));
    const poll = await next();
    assert.deepEqual([poll.isStream, poll.url.searchParams.get('wait')], [false, null]);
    poll.respond(list('c0'));
    await timer.pass(15_000);
    const stream = await next();
    assert.deepEqual([stream.isStream, stream.cursor], [true, 'c0']);
    stream.open('id: c0\n\n');
    assert.deepEqual(await yielded(), ['connecting', 'polling', 'reset to c0', 'live']);
  });

  test('a poll whose answer does not come from the service is repeated', async () => {
    const { next, timer, yielded } = follow({ cursor: 'c0' });
    (await next()).respond(problem('too-many-streams', 429));
    for (const body of [{}, [], null, { data: [] }, { data: {}, next_cursor: 'c' }]) {
      const poll = await next();
      assert.ok(!poll.isStream);
      poll.respond(Response.json(body));
      await settled();
      await timer.pass(timer.planned[0]!);
      (await next()).respond(problem('too-many-streams', 429));
    }
    (await next()).respond(list('c1', '1'));
    assert.deepEqual((await yielded()).at(-1), 'event 1 then c1');
  });

  test('a hidden page polls from time to time, and opens a stream when it is shown', async () => {
    const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const show = (visibilityState: string): void => {
      page.visibilityState = visibilityState;
      page.dispatchEvent(new Event('visibilitychange'));
    };
    vi.stubGlobal('document', page);
    try {
      const { next, yielded, timer, stop, ended, connections } = follow();
      const stream = await next();
      stream.open('id: c0\n\n', block('1', 'c1'));
      await settled();
      show('hidden');
      await timer.pass(0);
      assert.ok(stream.aborted());
      const poll = await next();
      assert.deepEqual([poll.isStream, poll.cursor, poll.url.searchParams.get('wait')], [false, 'c1', null]);
      poll.respond(list('c2', '2'));
      await timer.pass(14_000);
      assert.equal(connections.length, 0);
      await timer.pass(1_000);
      (await next()).respond(list('c3', '3'));
      await settled();
      show('visible');
      const resumed = await next();
      assert.deepEqual([resumed.isStream, resumed.cursor], [true, 'c3']);
      resumed.open(block('4', 'c4'));
      assert.deepEqual(await yielded(), [
        'connecting',
        'live',
        'reset to c0',
        'event 1 then c1',
        'event 2 then c2',
        'event 3 then c3',
        'event 4 then c4',
      ]);
      stop();
      await ended;
      assert.deepEqual(timer.planned, []);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('a poll that is not answered is repeated', async () => {
    const { next, timer } = follow({ cursor: 'c0' });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      (await next()).open();
      await timer.pass(11_000);
    }
    await next();
    await timer.pass(50_000);
    assert.equal((await next()).cursor, 'c0');
  });
});

describe('a token', () => {
  test('is requested for each connection, and once more after a 401', async () => {
    const tokens = ['1', '2', '3'];
    const seen: (string | null)[] = [];
    const client = createClient({
      baseUrl: 'http://messenger.test',
      userId: 'ada',
      token: async () => tokens.shift()!,
      fetch: async (_, init) => {
        seen.push(new Headers(init!.headers).get('Authorization'));
        return seen.length === 2
          ? Response.json({ id: 'ben', username: 'Ben' })
          : problem('token-expired', 401);
      },
    });
    await client.getUser('ben');
    assert.deepEqual(seen, ['Bearer 1', 'Bearer 2']);
    await assert.rejects(client.getUser('ben'), (error) => error instanceof ProblemError);
  });
});

describe('blocks of a stream', () => {
  test('are the same however their text is divided', () => {
    const text = ': comment\r\n\r\nid: 1\ndata: a\ndata:b\n\nid\n\ndata: ü\r\rid: 2\r\n\r\nretry: 5\n\n';
    const expected = [{ id: '1', data: 'a\nb' }, { id: '' }, { data: 'ü' }, { id: '2' }];
    for (let size = 1; size <= text.length; size += 1) {
      const parser = new BlockParser();
      const blocks = [];
      for (let at = 0; at < text.length; at += size) blocks.push(...parser.push(text.slice(at, at + size)));
      assert.deepEqual(blocks, expected, `parts of ${size}`);
    }
  });
});
