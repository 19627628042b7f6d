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

  'a message is edited and deleted': async (subject) => {
    const [ada, ben] = [clientOf(subject), clientOf(subject)];
    const events = await followingOf(ben);
    const { conversation_id, id } = await ada.send({ to: { receiverId: ben.userId }, content: 'Helo' }).sent;
    await events.next();
    const edited = await ada.editMessage(conversation_id, id, 'Hello');
    equal([edited.id, edited.content, typeof edited.edited_at], [id, 'Hello', 'string']);
    equal(await ben.getMessage(conversation_id, id), edited);
    const edit = await events.next();
    equal([edit.type, edit.data], ['message.edited', edited]);
    const foreign = await failureOf(
      ben.editMessage(conversation_id, '00000000-0000-7000-8000-000000000000', '?'),
    );
    equal(foreign instanceof ProblemError && foreign.code, 'message-not-found');
    await ada.deleteMessage(conversation_id, id);
    await ada.deleteMessage(conversation_id, id);
    equal((await ben.getMessage(conversation_id, id)).content, null);
    const deletion = await events.next();
    equal([deletion.type, deletion.data], ['message.deleted', { conversation_id, message_id: id }]);
    const late = await failureOf(ada.editMessage(conversation_id, id, 'Again'));
    equal(late instanceof ProblemError && late.code, 'message-deleted');
    const [entry] = await all(ben.conversations({ unreadCounts: true }));
    equal([entry?.unread_count, entry?.last_message_content], [0, null]);
    events.stop();
  },

  'a group is created, named, joined and left': async (subject) => {
    const [ada, ben, cleo, dora] = Array.from({ length: 4 }, () => clientOf(subject)) as [
      MessengerClient,
      MessengerClient,
      MessengerClient,
      MessengerClient,
    ];
    const group = await ada.createGroup({ participantIds: [ben.userId, cleo.userId], name: 'Lunch' });
    equal([group.name, group.creator_id, group.participant_ids.length], ['Lunch', ada.userId, 3]);
    const { id } = group;
    const message = await ben.send({ to: { conversationId: id }, content: 'Noon?' }).sent;
    equal([message.conversation_id, message.receiver_id], [id, null]);
    const joined = await ben.addParticipant(id, dora.userId);
    equal(joined.participant_ids, [...group.participant_ids, dora.userId].sort());
    equal((await cleo.renameConversation(id, 'Dinner')).name, 'Dinner');
    await ada.removeParticipant(id, dora.userId);
    await cleo.removeParticipant(id, cleo.userId);
    await cleo.removeParticipant(id, cleo.userId);
    equal((await ada.getConversation(id)).participant_ids, [ada.userId, ben.userId].sort());
    const left = await failureOf(cleo.send({ to: { conversationId: id }, content: 'One more' }).sent);
    equal(left instanceof ProblemError && left.code, 'member-left');
    const [entry] = await all(cleo.conversations());
    equal([entry?.id, entry?.name, typeof entry?.left_at], [id, 'Dinner', 'string']);
    const [own] = await all(ada.conversations());
    equal([own?.left_at, own?.participant_ids], [null, null]);
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
    const unreachable = createClient({
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
    const none = await failureOf(unreachable.getUser('ben'));
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
      await until(ben, ({ inbox }) => inbox.entries[0]?.last_message_content === 'No. 7');
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

  'stores show edits, deletions and changes of a group': async (subject) => {
    const clients = [clientOf(subject), clientOf(subject), clientOf(subject)] as const;
    const [ada, ben, cleo] = clients.map((client) => createStore(client)) as [Store, Store, Store];
    try {
      const participantIds = clients.map(({ userId }) => userId);
      const { id } = await clients[0].createGroup({ participantIds, name: 'Lunch' });
      for (const store of [ada, ben, cleo]) {
        await until(store, ({ inbox }) => inbox.entries[0]?.name === 'Lunch');
      }
      for (const store of [ada, ben]) store.open(id);
      const first = await ada.send('Noon on Fridey?').sent;
      const second = await ada.send('To somebody else').sent;
      await until(cleo, ({ inbox }) => inbox.entries[0]?.unread_count === 2);

      await ada.edit(first.id, 'Noon on Friday?');
      equal(ada.getSnapshot().open?.messages[0]?.content, 'Noon on Friday?');
      await ada.delete(second.id);
      equal(ada.getSnapshot().open?.messages[1]?.content, null);
      await until(ben, ({ open }) => open?.messages[0]?.content === 'Noon on Friday?');
      await until(ben, ({ open }) => open?.messages[1]?.content === null);
      await until(cleo, ({ inbox }) => {
        const [entry] = inbox.entries;
        return entry?.unread_count === 1 && entry.last_message_content === null;
      });

      await ben.rename('Dinner');
      await ben.removeParticipant(clients[1].userId);
      await until(ben, ({ inbox }) => typeof inbox.entries[0]?.left_at === 'string');
      await until(ada, ({ open }) => open?.conversation?.participant_ids.length === 2);
      equal(ada.getSnapshot().open?.conversation?.name, 'Dinner');
      await ada.send('Without Ben').sent;
      await until(cleo, ({ inbox }) => inbox.entries[0]?.last_message_content === 'Without Ben');
      equal(ben.getSnapshot().open?.messages.length, 2);
      equal(ben.getSnapshot().inbox.entries, await all(clients[1].conversations({ unreadCounts: true })));

      await ada.addParticipant(clients[1].userId);
      await until(ben, ({ inbox }) => inbox.entries[0]?.left_at === null);
      await ben.send('Back again').sent;
      await until(ada, ({ open }) => open?.messages.at(-1)?.content === 'Back again');
      await until(cleo, ({ inbox }) => inbox.entries[0]?.unread_count === 3);
    } finally {
      for (const store of [ada, ben, cleo]) store.stop();
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
    }, 60_000);
    const check = (): void => {
      if (!isWanted(store.getSnapshot())) return;
      clearTimeout(timeout);
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(check);
    check();
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
