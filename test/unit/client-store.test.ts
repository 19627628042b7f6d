import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { createClient, createStore, type List, type Store } from '../../client/src/index.ts';
import { ManualTimer, settled } from '../support/client-fakes.ts';
import { GROUPS, ME, ModelService } from '../support/client-model.ts';

const OTHERS = ['ben', 'eve', 'kim', 'lou', 'max', 'zoe'];

/** A store, and the service as `prepare` leaves it. */
function open(
  choose: (below: number) => number = () => 0,
  prepare: (service: ModelService) => void = () => undefined,
) {
  const timer = new ManualTimer();
  const service = new ModelService(choose, timer);
  prepare(service);
  const client = service.client();
  const store = createStore(client, { pageSize: 3, timer });
  return { timer, service, client, store };
}

/** Requires that what is shown is what the service has. */
function assertConverged(store: Store, service: ModelService): void {
  const { inbox, open, users } = store.getSnapshot();
  const entries = service.inbox();
  assert.equal(inbox.status, 'ready');
  assert.deepEqual(inbox.entries, entries.slice(0, inbox.entries.length));
  assert.equal(inbox.hasMore, inbox.entries.length < entries.length);
  if (open === null) return;
  const messages = service.messages(open.id);
  assert.equal(open.status, 'ready');
  assert.deepEqual(open.messages, messages.slice(messages.length - open.messages.length));
  assert.equal(open.hasOlder, open.messages.length < messages.length);
  assert.deepEqual(open.outgoing, []);
  assert.deepEqual(open.conversation?.read_positions, service.conversation(open.id).read_positions);
  assert.deepEqual(open.conversation.participant_ids, service.conversation(open.id).participant_ids);
  assert.deepEqual(open.conversation.name, service.conversation(open.id).name);
  for (const { other_user_id } of inbox.entries) assert.ok(other_user_id === null || users[other_user_id]);
}

/** Lets everything arrive. */
async function finish({ timer, service, client, store }: ReturnType<typeof open>): Promise<void> {
  await settled();
  do {
    while (service.reveal());
    while (service.deliver());
    await timer.pass(60_000);
  } while (service.respond() || service.deliver());
  // Those that were sent after leaving.
  for (const { key } of client.outbox.messages()) store.discard(key);
  await timer.pass(60_000);
}

const actions: Readonly<
  Record<string, (the: ReturnType<typeof open>, choose: (below: number) => number) => unknown>
> = {
  'another writes': ({ service }, choose) => service.send(other(choose), other(choose), false),
  'another writes, late': ({ service }, choose) => service.send(other(choose), other(choose), true),
  'own other device writes': ({ service }, choose) => service.send(other(choose), ME, choose(3) === 0),
  'a conversation is started': ({ service }, choose) => service.start(other(choose)),
  'one reads': ({ service }, choose) => service.read(other(choose), ME),
  'another reads': ({ service }, choose) => {
    const conversation = other(choose);
    service.read(conversation, conversation);
  },
  'an edit': ({ service }) => service.change('message.edited'),
  'a deletion': ({ service }) => service.change('message.deleted'),
  'joining or leaving': ({ service }, choose) => service.changeMembership(group(choose)),
  'a change of a group': ({ service }, choose) => service.update(group(choose)),
  'own edit': ({ store }, choose) => changeOwn(store, choose, (id) => store.edit(id, 'edited')),
  'own deletion': ({ store }, choose) => changeOwn(store, choose, (id) => store.delete(id)),
  leave: ({ store }) => isIn(store, GROUPS) && unlessFailing(store.removeParticipant(ME)),
  rename: ({ store }) => isIn(store, GROUPS) && unlessFailing(store.rename('named')),
  reveal: ({ service }) => service.reveal(),
  deliver: ({ service }) => service.deliver(),
  repeat: ({ service }) => service.deliver(true),
  reset: ({ service }) => service.reset(),
  fail: ({ service }) => service.fail(),
  respond: ({ service }) => service.respond(),
  open: ({ store }, choose) => store.open(other(choose)),
  close: ({ store }) => store.close(),
  send: ({ store }, choose) => store.getSnapshot().open && store.send(`own ${choose(3)}`),
  'mark read': ({ store }) => store.markRead(),
  'more conversations': ({ store }) => void store.loadMoreConversations(),
  'older messages': ({ store }) => void store.loadOlderMessages(),
  'unload older messages': ({ store }) => store.unloadOlderMessages(),
  turn: () => new Promise(setImmediate),
  settle: () => settled(),
  'time passes': ({ timer }) => timer.pass(2_000),
};

const group = (choose: (below: number) => number): string => GROUPS[choose(GROUPS.length)]!;

const isIn = (store: Store, ids: readonly string[]): boolean =>
  ids.includes(store.getSnapshot().open?.id ?? '');

/** Does not wait: requests are answered later. */
const unlessFailing = (change: Promise<unknown>): void => void change.catch(() => undefined);

function changeOwn(
  store: Store,
  choose: (below: number) => number,
  change: (messageId: string) => Promise<void>,
): void {
  const own = (store.getSnapshot().open?.messages ?? []).filter(
    ({ sender_id, content }) => sender_id === ME && content !== null,
  );
  const message = own[choose(own.length)];
  if (message) unlessFailing(change(message.id));
}

const other = (choose: (below: number) => number): string => OTHERS[choose(OTHERS.length)]!;

describe('a store', () => {
  test('shows what the service has, whatever the order of events, repeats, failures and resets', async () => {
    const step = fc.record({
      // Events come more often than anything else.
      action: fc.constantFrom(
        ...Object.keys(actions),
        'another writes',
        'reveal',
        'reveal',
        'deliver',
        'deliver',
      ),
      choice: fc.nat(1_000_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        let seed = 1;
        const choose = (below: number): number => {
          seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
          return below === 0 ? 0 : (seed >>> 8) % below;
        };
        const the = open(choose);
        for (const { action, choice } of steps) {
          seed ^= choice;
          await actions[action]!(the, choose);
        }
        await finish(the);
        assertConverged(the.store, the.service);
        the.store.stop();
      }),
      { numRuns: 500 },
    );
  });
});

describe('a load that fails', () => {
  /** Ten conversations, and ten messages in the last one, which is open. */
  async function openFull() {
    const the = open(undefined, (service) => {
      for (let index = 0; index < 10; index += 1) service.send(`user ${index}`, `user ${index}`, false);
      for (let index = 0; index < 10; index += 1) service.send('ben', 'ben', false);
      while (service.reveal());
    });
    the.store.open('ben');
    await the.timer.pass(60_000);
    return the;
  }

  test('of older messages is shown, and repeated on request', async () => {
    const { service, store } = await openFull();
    service.fail();
    const failing = store.loadOlderMessages();
    assert.equal(store.getSnapshot().open?.olderStatus, 'loading');
    await failing;
    assert.equal(store.getSnapshot().open?.olderStatus, 'failed');
    await store.loadOlderMessages();
    assert.equal(store.getSnapshot().open?.olderStatus, 'ready');
    assert.equal(store.getSnapshot().open?.messages.length, 6);
  });

  test('of what may lack messages keeps those that are shown, and is repeated', async () => {
    const { service, store, timer } = await openFull();
    await store.loadOlderMessages();
    const counts = new Set<number>();
    store.subscribe(() => counts.add(store.getSnapshot().open!.messages.length));
    // The inbox, the conversation and its messages.
    for (let reads = 0; reads < 3; reads += 1) service.fail();
    service.reset();
    await timer.pass(60_000);
    assert.ok(counts.size > 0 && Math.min(...counts) >= 6, [...counts].join());
  });

  test('of more conversations is shown, and repeated on request', async () => {
    const { service, store } = await openFull();
    service.fail();
    const failing = store.loadMoreConversations();
    assert.equal(store.getSnapshot().inbox.moreStatus, 'loading');
    await failing;
    assert.equal(store.getSnapshot().inbox.moreStatus, 'failed');
    await store.loadMoreConversations();
    assert.equal(store.getSnapshot().inbox.moreStatus, 'ready');
    assert.equal(store.getSnapshot().inbox.entries.length, 6);
  });

  test('of a conversation is repeated at once on request', async () => {
    const { service, store } = await openFull();
    service.fail();
    store.open('user 3');
    await settled();
    assert.equal(store.getSnapshot().open?.status, 'failed');
    store.open('user 3');
    assert.equal(store.getSnapshot().open?.status, 'loading');
    await settled();
    assert.equal(store.getSnapshot().open?.status, 'ready');
  });

  test('of the inbox is repeated at once on request', async () => {
    const { store } = open(undefined, (service) => service.fail());
    await settled();
    assert.equal(store.getSnapshot().inbox.status, 'failed');
    void store.loadMoreConversations();
    assert.equal(store.getSnapshot().inbox.status, 'loading');
    await settled();
    assert.equal(store.getSnapshot().inbox.status, 'ready');
  });

  test('is shown at once, and repeated later, if the service asks for a long pause', async () => {
    const timer = new ManualTimer();
    let requests = 0;
    const client = createClient({
      baseUrl: 'http://messenger.test',
      userId: ME,
      timer,
      random: () => 0,
      fetch: (url) => {
        if (new Request(url).url.includes('/events/')) return new Promise(() => undefined);
        requests += 1;
        return Promise.resolve(Response.json({}, { status: 429, headers: { 'Retry-After': '3600' } }));
      },
    });
    const store = createStore(client, { timer });
    await settled();
    const { status, problem } = store.getSnapshot().inbox;
    assert.deepEqual([status, problem?.status], ['failed', 429]);
    await timer.pass(299_000);
    assert.equal(requests, 1);
    await timer.pass(2_000);
    assert.equal(requests, 2);
    store.stop();
  });
});

test('older messages are unloaded down to one page, and loaded again', async () => {
  const { service, store, timer } = open(undefined, (model) => {
    for (let index = 0; index < 10; index += 1) model.send('ben', 'ben', false);
    while (model.reveal());
  });
  store.open('ben');
  await timer.pass(60_000);
  while (store.getSnapshot().open?.hasOlder) await store.loadOlderMessages();
  const all = service.messages('ben');
  const counts = new Set<number>();
  const unsubscribe = store.subscribe(() => counts.add(store.getSnapshot().open!.messages.length));
  store.unloadOlderMessages();
  await timer.pass(1_000);
  // At once, without steps between.
  assert.deepEqual([...counts], [10, 3]);
  assert.deepEqual(store.getSnapshot().open?.messages, all.slice(-3));
  unsubscribe();
  while (store.getSnapshot().open?.hasOlder) await store.loadOlderMessages();
  assert.deepEqual(store.getSnapshot().open?.messages, all);
  store.stop();
});

/** `list` with pages that are read and then held, each until its function in `held` is called. */
function holding<Item>(list: List<Item>, held: (() => void)[]): List<Item> {
  return {
    [Symbol.asyncIterator]: () => assert.fail('unused'),
    async *pages() {
      for await (const page of list.pages()) {
        await new Promise<void>((resolve) => held.push(resolve));
        yield page;
      }
    },
  };
}

test('a list for another conversation does not keep an older entry of a group that one has left', async () => {
  const { service, store, timer, client } = open();
  service.send('max', 'zoe', false);
  service.changeMembership('max');
  while (service.deliver());
  await timer.pass(60_000);
  const held: (() => void)[] = [];
  const list = client.conversations.bind(client);
  client.conversations = (...of) => holding(list(...of), held);
  service.update('zoe');
  service.deliver();
  await settled();
  assert.equal(held.length, 1);
  // The message becomes visible after the list was read, and its event comes before the list.
  service.reveal();
  service.deliver();
  await settled();
  for (let release = held.shift(); release !== undefined; release = held.shift()) {
    release();
    await timer.pass(10_000);
  }
  assertConverged(store, service);
  store.stop();
});

test('older messages that arrive while all are listed again, after one has joined again, are not kept', async () => {
  const { service, store, timer, client } = open();
  for (let index = 0; index < 6; index += 1) service.send('zoe', 'third', false);
  while (service.reveal());
  while (service.deliver());
  store.open('zoe');
  await timer.pass(60_000);
  const held: (() => void)[] = [];
  const list = client.messages.bind(client);
  client.messages = (...of) => holding(list(...of), held);
  const loading = store.loadOlderMessages();
  await settled();
  // One leaves, and joins again: earlier messages are not listed any more.
  for (let change = 0; change < 2; change += 1) service.changeMembership('zoe');
  while (service.deliver());
  await settled();
  held.shift()?.();
  await loading;
  while (held.length > 0) {
    held.shift()?.();
    await timer.pass(10_000);
  }
  assert.deepEqual(store.getSnapshot().open?.messages, service.messages('zoe'));
  store.stop();
});

test('the response to an own deletion does not bring back a message from before one has joined again', async () => {
  const { service, store, timer, client } = open();
  service.send('zoe', ME, false);
  while (service.reveal());
  while (service.deliver());
  store.open('zoe');
  await timer.pass(60_000);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const get = client.getMessage.bind(client);
  client.getMessage = async (...of) => {
    const message = await get(...of);
    await held;
    return message;
  };
  const deleting = store.delete(store.getSnapshot().open!.messages[0]!.id);
  await settled();
  for (let change = 0; change < 2; change += 1) service.changeMembership('zoe');
  while (service.deliver());
  await timer.pass(60_000);
  release();
  await deleting;
  assert.deepEqual(store.getSnapshot().open?.messages, service.messages('zoe'));
  assert.deepEqual(service.messages('zoe'), []);
  store.stop();
});

describe('a change far down', () => {
  /** Ten conversations and the groups below, all loaded, and the number of items that each further page was asked for. */
  async function openAll() {
    const the = open(undefined, (service) => {
      for (let index = 0; index < 10; index += 1) service.send(`user ${index}`, `user ${index}`, false);
      while (service.reveal());
    });
    while (the.service.deliver());
    await the.timer.pass(60_000);
    while (the.store.getSnapshot().inbox.hasMore) await the.store.loadMoreConversations();
    const sizes: (number | undefined)[] = [];
    for (const name of ['conversations', 'messages'] as const) {
      const list = the.client[name].bind(the.client) as (...of: unknown[]) => List<unknown>;
      const counting = (...of: { limit?: number }[]): List<unknown> => {
        const listed = list(...of);
        return {
          [Symbol.asyncIterator]: () => assert.fail('unused'),
          async *pages() {
            for await (const page of listed.pages()) {
              sizes.push(of.at(-1)?.limit);
              yield page;
            }
          },
        };
      };
      Object.assign(the.client, { [name]: counting });
    }
    return { ...the, sizes };
  }

  test('is found with few requests', async () => {
    const { service, store, timer, sizes } = await openAll();
    service.update('zoe');
    service.deliver();
    await timer.pass(60_000);
    assert.deepEqual(store.getSnapshot().inbox.entries, service.inbox());
    assert.deepEqual(sizes, [3, 100]);
  });

  test('in an open group does not list its messages again', async () => {
    const { service, store, timer, sizes } = await openAll();
    for (let index = 0; index < 10; index += 1) service.send('zoe', 'third', false);
    while (service.reveal());
    while (service.deliver());
    store.open('zoe');
    await timer.pass(60_000);
    while (store.getSnapshot().open?.hasOlder) await store.loadOlderMessages();
    sizes.length = 0;
    service.update('zoe');
    service.deliver();
    await timer.pass(60_000);
    assert.equal(store.getSnapshot().open?.conversation?.name, 'Name 1');
    // That of the inbox.
    assert.deepEqual(sizes, [3]);
  });
});

describe('own changes', () => {
  /** A conversation with one's own message, which is open. */
  async function openOwn() {
    const the = open(undefined, (service) => {
      service.send('ben', ME, false);
      while (service.reveal());
    });
    the.store.open('ben');
    await the.timer.pass(60_000);
    const [message] = the.store.getSnapshot().open!.messages;
    return { ...the, messageId: message!.id };
  }

  test('a deletion has succeeded although the deleted message could not be read', async () => {
    const { service, store, client, timer, messageId } = await openOwn();
    client.deleteMessage = async (...of) => {
      await service.client().deleteMessage(...of);
      service.fail();
    };
    await store.delete(messageId);
    await timer.pass(60_000);
    assert.deepEqual(store.getSnapshot().open?.messages, service.messages('ben'));
    assert.equal(store.getSnapshot().open?.messages[0]?.content, null);
    assert.equal(store.getSnapshot().inbox.entries[0]?.last_message_content, null);
  });
});
