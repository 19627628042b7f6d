import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createClient, createStore } from '../../client/src/index.ts';
import { openApp } from '../http/open-app.ts';
import { ManualTimer, MemoryStorage } from '../support/client-fakes.ts';

const ORIGIN = 'http://messenger.test';

const UNAVAILABLE = {
  type: 'urn:problem:messenger:storage-unavailable',
  title: 'Storage is unavailable',
  status: 503,
  detail: 'Nothing was changed. Try again.',
};

/** The app in memory, which can be unavailable: all responses are then 503, and streams end. */
function openService() {
  const app = openApp();
  const open = new Set<AbortController>();
  let requests: string[] | null = null;
  return {
    fetch: async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const request = new Request(url, init);
      if (requests !== null) {
        requests.push(`${request.method} ${new URL(request.url).pathname}`);
        return Response.json(UNAVAILABLE, { status: 503, headers: { 'Retry-After': '2' } });
      }
      const response = await app.fetch(request, undefined);
      if (response.headers.get('Content-Type') !== 'text/event-stream') return response;
      const ending = new AbortController();
      open.add(ending);
      const body = response.body!.pipeThrough(new TransformStream(), { signal: ending.signal });
      return new Response(body, response);
    },
    /** A request of somebody whom the outage does not affect. */
    direct: async (path: string, body: object): Promise<string> => {
      const init = {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      };
      const response = await app.fetch(new Request(ORIGIN + path, init), undefined);
      return ((await response.json()) as { id: string }).id;
    },
    beginOutage(): void {
      requests = [];
      for (const ending of open) ending.abort();
    },
    /** Returns the requests during the outage. */
    endOutage(): readonly string[] {
      const during = requests ?? [];
      requests = null;
      return during;
    },
  };
}

test('after ten minutes of 503, everything is sent and shown in order, and the service was not flooded', async () => {
  const service = openService();
  const timer = new ManualTimer();
  const { fetch } = service;
  const storage = new MemoryStorage();
  const client = createClient({ baseUrl: ORIGIN, userId: 'ada', fetch, storage, timer, random: () => 0 });
  const id = await service.direct('/api/conversations', { participant_ids: ['ada', 'ben'] });
  const sendAsBen = (content: string) =>
    service.direct('/api/messages', { sender_id: 'ben', receiver_id: 'ada', content });
  await sendAsBen('before');
  const store = createStore(client, { timer });
  store.open(id);
  const untilShown = async (texts: readonly string[]): Promise<void> => {
    for (let second = 0; second < 120; second += 1) {
      const { open, connection } = store.getSnapshot();
      const shown = open?.messages.map(({ content }) => content) ?? [];
      if (shown.join() === texts.join() && connection === 'live') return;
      await timer.pass(1_000);
    }
    assert.deepEqual(
      store.getSnapshot().open?.messages.map(({ content }) => content),
      texts,
    );
    assert.fail(store.getSnapshot().connection);
  };
  await untilShown(['before']);

  service.beginOutage();
  await timer.pass(1_000);
  store.send('one');
  store.send('two');
  store.markRead();
  await sendAsBen('from outside');
  await timer.pass(600_000);
  assert.equal(store.getSnapshot().connection, 'offline');
  assert.deepEqual(
    store.getSnapshot().open?.outgoing.map(({ content, state }) => [content, state]),
    [
      ['one', 'pending'],
      ['two', 'pending'],
    ],
  );
  const during = service.endOutage();
  // One stream and one send, every 15 seconds each; a mark every ten seconds, with three repetitions.
  assert.ok(during.length > 80 && during.length < 400, `${during.length} requests`);
  assert.equal(during.filter((line) => line.startsWith('GET /api/events/')).length < 60, true);
  assert.equal(during.filter((line) => line.startsWith('POST ')).length < 60, true);

  await untilShown(['before', 'from outside', 'one', 'two']);
  await timer.pass(60_000);
  assert.deepEqual(store.getSnapshot().open?.outgoing, []);
  const [entry] = store.getSnapshot().inbox.entries;
  assert.deepEqual([entry?.last_message_content, entry?.unread], ['two', false]);
  assert.equal(storage.length, 0);
  store.stop();
  client.close();
});
