import {
  createClient,
  createStore,
  NetworkError,
  ProblemError,
  type FollowItem,
  type KnownEvent,
  type MessengerClient,
  type Snapshot,
  type Store,
} from '../../client/src/index.ts';

/*
 * Checks of the client against a running service, for every host that has `fetch`: no imports but the client.
 */

/** The service under test. */
export interface ClientSubject {
  readonly baseUrl: string;
  /** `fetch` of the host by default. */
  readonly fetch?: typeof fetch;
}

/** What a check reports. */
export interface CheckResult {
  readonly clause: string;
  /** Null if it passed. */
  readonly error: string | null;
}

/** Runs all checks, one after another. */
export async function runClientChecks(subject: ClientSubject): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [clause, check] of Object.entries(clientChecks)) {
    const error = await check(subject).then(
      () => null,
      (reason: unknown) =>
        reason instanceof Error ? `${reason.message}\n${reason.stack ?? ''}` : String(reason),
    );
    results.push({ clause, error });
  }
  return results;
}

export const clientChecks: Readonly<Record<string, (subject: ClientSubject) => Promise<void>>> = {
  'a message that is sent is listed and followed': async (subject) => {
    const [ada, ben] = [clientOf(subject), clientOf(subject)];
    const events = await followingOf(ben);
    const message = await ada.send({ to: { receiverId: ben.userId }, content: 'Hello, Bén 👋' }).sent;
    equal(message.content, 'Hello, Bén 👋');
    const event = await events.next();
    equal([event.type, event.id], ['message.created', message.id]);
    equal(event.data, message);
    equal(await all(ben.messages(message.conversation_id)), [message]);
    const [entry] = await all(ben.conversations({ unreadCounts: true }));
    equal([entry?.id, entry?.unread_count], [message.conversation_id, 1]);
    equal(ada.outbox.messages(), []);
    events.stop();
  },

  'messages that are sent at once are stored in their order': async (subject) => {
    const ada = clientOf(subject);
    const contents = Array.from({ length: 25 }, (_, index) => `No. ${index}`);
    const to = { receiverId: freshUser() };
    const sent = await Promise.all(contents.map((content) => ada.send({ to, content }).sent));
    const listed = await all(ada.messages(sent[0]!.conversation_id, { limit: 10 }));
    equal(listed.map(({ content }) => content).reverse(), contents);
    const last = sent[20]!;
    const before = ada.messages(last.conversation_id, { before: last.created_at, limit: 7 });
    equal((await all(before)).length, 20);
  },

  'a message to a conversation reaches its other participant': async (subject) => {
    const [ada, ben] = [clientOf(subject), clientOf(subject)];
    const { id } = await ada.startConversation(ben.userId);
    equal((await ben.startConversation(ada.userId)).id, id);
    const message = await ben.send({ to: { conversationId: id }, content: 'Hello' }).sent;
    equal([message.conversation_id, message.receiver_id], [id, ada.userId]);
    const { read_up_to } = await ada.markRead(id, message.id);
    equal(read_up_to, message.id);
    const { read_positions } = await ben.getConversation(id);
    equal(
      read_positions?.map((position) => position.read_up_to),
      [message.id, message.id],
    );
  },

  'a name can be saved and read': async (subject) => {
    const ada = clientOf(subject);
    equal(await ada.getUser(ada.userId), null);
    equal((await ada.saveUser('Ada')).username, 'Ada');
    equal((await ada.getUser(ada.userId))?.username, 'Ada');
  },

  'a refusal is a problem, and a missing service a network failure': async (subject) => {
    const ada = clientOf(subject);
    const failed = await failureOf(ada.send({ to: { receiverId: 'ben' }, content: ' ' }).sent);
    if (!(failed instanceof ProblemError)) throw failed;
    equal([failed.code, failed.problem.status], ['content-blank', 400]);
    equal(ada.outbox.messages()[0]?.problem, failed.problem);
    const missing = await failureOf(ada.getConversation('00000000-0000-5000-8000-000000000000'));
    if (!(missing instanceof ProblemError)) throw missing;
    equal(missing.code, 'conversation-not-found');
    const nowhere = createClient({
      baseUrl: 'http://127.0.0.1:1',
      userId: 'ada',
      fetch: () => Promise.reject(new TypeError('failed')),
      timer: {
        now: () => Date.now(),
        after(milliseconds, act) {
          const timeout = setTimeout(act, milliseconds / 100);
          return () => clearTimeout(timeout);
        },
      },
    });
    const none = await failureOf(nowhere.getUser('ben'));
    equal(none instanceof NetworkError, true);
  },

  'events are followed on from a cursor': async (subject) => {
    const [ada, ben] = [clientOf(subject), clientOf(subject)];
    const to = { receiverId: ben.userId };
    const events = await followingOf(ben);
    await ada.send({ to, content: 'first' }).sent;
    await events.next();
    events.stop();
    const second = await ada.send({ to, content: 'second' }).sent;
    const later = await followingOf(ben, events.cursor());
    let event = await later.next();
    // The cursor is that of the last batch, so the first event may be repeated.
    if (event.id !== second.id) event = await later.next();
    equal(event.id, second.id);
    later.stop();
  },

  'two stores show what the service has': async (subject) => {
    const clients = [clientOf(subject), clientOf(subject)] as const;
    const [ada, ben] = clients.map((client) => createStore(client, { pageSize: 5 })) as [Store, Store];
    try {
      await clients[0].saveUser('Ada');
      const id = await ada.openWith(clients[1].userId);
      for (let count = 0; count < 8; count += 1) ada.send(`No. ${count}`);
      await until(ben, ({ inbox }) => inbox.entries[0]?.unread_count === 8);
      equal(ben.getSnapshot().inbox.entries[0]?.last_message_content, 'No. 7');
      await until(ben, ({ users }) => users[clients[0].userId] === 'Ada');

      ben.open(id);
      await until(ben, ({ open }) => open?.messages.length === 5 && open.hasOlder);
      await ben.loadOlderMessages();
      equal(
        ben.getSnapshot().open?.messages.map(({ content }) => content),
        Array.from({ length: 8 }, (_, count) => `No. ${count}`),
      );
      ben.markRead();
      await until(ben, ({ inbox }) => inbox.entries[0]?.unread === false);
      const last = ben.getSnapshot().open?.messages.at(-1)?.id;
      await until(ada, ({ open }) =>
        Boolean(open?.conversation?.read_positions?.every(({ read_up_to }) => read_up_to === last)),
      );

      const answer = ben.send('Thank you');
      equal(
        ben.getSnapshot().open?.outgoing.map(({ content }) => content),
        ['Thank you'],
      );
      const { id: answerId } = await answer.sent;
      await until(ada, ({ open }) => open?.messages.at(-1)?.id === answerId);
      await until(
        ben,
        ({ open, inbox }) => open?.outgoing.length === 0 && inbox.entries[0]?.unread_count === 0,
      );
      equal(ben.getSnapshot().open?.messages.at(-1)?.id, answerId);
      equal(ben.getSnapshot().inbox.entries, await all(clients[1].conversations({ unreadCounts: true })));
      equal(ada.getSnapshot().open?.messages.length, 9);
    } finally {
      ada.stop();
      ben.stop();
    }
  },
};

function clientOf({ baseUrl, fetch }: ClientSubject): MessengerClient {
  return createClient({ baseUrl, userId: freshUser(), ...(fetch && { fetch }) });
}

function freshUser(): string {
  return `user-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
}

/** Follows the events of a client; resolves when it is connected. */
async function followingOf(client: MessengerClient, start?: string) {
  const stopping = new AbortController();
  const following = client.follow({
    signal: stopping.signal,
    ...(start !== undefined && { cursor: start }),
  });
  const items = following[Symbol.asyncIterator]();
  let cursor = start ?? '';
  const next = async (isWanted: (item: FollowItem) => boolean): Promise<FollowItem> => {
    for (;;) {
      const { value, done } = await items.next();
      if (done) throw new Error('Following has ended.');
      if ('cursor' in value) ({ cursor } = value);
      if (isWanted(value)) return value;
    }
  };
  await next((item) => (start === undefined ? item.kind === 'reset' : item.kind === 'connection'));
  return {
    next: async (): Promise<KnownEvent> => {
      const item = await next(({ kind }) => kind === 'event');
      if (item.kind !== 'event') throw new Error('An event was expected.');
      return item.event;
    },
    cursor: () => cursor,
    stop: () => stopping.abort(),
  };
}

/** Resolves when the snapshot is as wanted. */
export function until(store: Store, isWanted: (snapshot: Snapshot) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(() => {
      unsubscribe();
      reject(new Error(`Not reached: ${isWanted.toString()}\n${JSON.stringify(store.getSnapshot())}`));
    }, 30_000);
    const look = (): void => {
      if (!isWanted(store.getSnapshot())) return;
      clearTimeout(timeout);
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(look);
    look();
  });
}

async function all<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of list) items.push(item);
  return items;
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error('It did not fail.'),
    (error: unknown) => error,
  );
}

function equal(actual: unknown, expected: unknown): void {
  const [one, other] = [actual, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${one} is not ${other}`);
}
