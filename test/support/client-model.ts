import type {
  Conversation,
  FollowItem,
  InboxEntry,
  KnownEvent,
  List,
  Message,
  MessengerClient,
  Page,
} from '../../client/src/index.ts';
import { NetworkError } from '../../client/src/index.ts';
import { makeOutbox, type OutgoingMessage } from '../../client/src/outbox.ts';
import type { ManualTimer } from './client-fakes.ts';

/** The user of the store under test. */
export const ME = 'me';

/** An event as the log has it. What it delivers is the state at the time of delivery, as with the service. */
type LogEvent = { readonly id: string; readonly conversationId: string } & (
  | { readonly type: 'message.created' | 'message.edited' | 'message.deleted'; readonly messageId: string }
  | { readonly type: 'conversation.created' }
  | { readonly type: 'conversation.read'; readonly reader: string; readonly readUpTo: string }
);

/** A service for one user whose events become visible, and are delivered, in any order. It decides by `choose`. */
export class ModelService {
  /** Events that no reader sees yet. */
  readonly #hidden: LogEvent[] = [];
  readonly #visible: LogEvent[] = [];
  /** Visible events that `follow` has not delivered. */
  readonly #undelivered: LogEvent[] = [];
  readonly #messages = new Map<string, { conversationId: string; sender: string; content: string }>();
  readonly #responses: (() => void)[] = [];
  readonly #items: FollowItem[] = [];
  #onItem = (): void => undefined;
  #ids = 0;
  #failures = 0;

  readonly #choose: (below: number) => number;
  readonly #timer: ManualTimer;

  constructor(choose: (below: number) => number, timer: ManualTimer) {
    this.#choose = choose;
    this.#timer = timer;
  }

  // What happens.

  /**
   * A message, whose event becomes visible with `reveal`. A late one has an event with an id of its own; it may have the
   * ordinary one, too, if its send was half finished.
   */
  send(conversationId: string, sender: string, isLate: boolean, content = `content ${this.#ids}`): string {
    const messageId = this.#nextId();
    this.#messages.set(messageId, { conversationId, sender, content });
    const id = isLate ? this.#nextId() : messageId;
    this.#hidden.push({ id, conversationId, type: 'message.created', messageId });
    if (isLate && this.#choose(2) === 0) {
      this.#hidden.push({ id: messageId, conversationId, type: 'message.created', messageId });
    }
    return messageId;
  }

  /** An edit or a deletion of a visible message. */
  change(type: 'message.edited' | 'message.deleted'): void {
    const created = this.#visible.filter((event) => event.type === 'message.created');
    const event = created[this.#choose(created.length)];
    if (event?.type !== 'message.created' || this.#isDeleted(event.messageId)) return;
    const { conversationId, messageId } = event;
    this.#hidden.push({ id: this.#nextId(), conversationId, type, messageId });
  }

  start(conversationId: string): void {
    if (this.#visible.concat(this.#hidden).some((event) => event.conversationId === conversationId)) return;
    this.#hidden.push({ id: this.#nextId(), conversationId, type: 'conversation.created' });
  }

  read(conversationId: string, reader: string): void {
    const events = this.#placing(conversationId);
    const upTo = events[this.#choose(events.length)]?.id;
    if (upTo !== undefined) this.mark(conversationId, reader, upTo);
  }

  mark(conversationId: string, reader: string, upTo: string): string {
    const before = this.#positionOf(conversationId, reader) ?? '';
    const last = this.#placing(conversationId).at(-1)?.id ?? '';
    const readUpTo = upTo < last ? upTo : last;
    if (readUpTo <= before) return before;
    this.#show({ id: this.#nextId(), conversationId, type: 'conversation.read', reader, readUpTo });
    return readUpTo;
  }

  /** Makes a hidden event visible. */
  reveal(): boolean {
    const [event] = this.#hidden.splice(this.#choose(this.#hidden.length), 1);
    if (event) this.#show(event);
    return event !== undefined;
  }

  /** Delivers a visible event, perhaps once more. */
  deliver(isRepeat = false): boolean {
    const from = isRepeat ? this.#visible : this.#undelivered;
    const index = this.#choose(from.length);
    const event = from[index];
    if (event === undefined) return false;
    if (!isRepeat) this.#undelivered.splice(index, 1);
    this.#yield({ kind: 'event', event: this.#eventOf(event), cursor: '' });
    return true;
  }

  /** The cursor has expired: events that were not delivered are lost. */
  reset(): void {
    this.#undelivered.length = 0;
    this.#yield({ kind: 'reset', cursor: '' });
  }

  /** Answers the oldest send. */
  respond(): boolean {
    const respond = this.#responses.shift();
    respond?.();
    return respond !== undefined;
  }

  /** Lets the next read fail. */
  fail(): void {
    this.#failures += 1;
  }

  // What readers see.

  inbox(): InboxEntry[] {
    const ids = new Set(this.#visible.map(({ conversationId }) => conversationId));
    return [...ids]
      .filter((id) => this.#placing(id).length > 0)
      .map((id) => this.#entryOf(id))
      .sort((a, b) => (a.last_event_id < b.last_event_id ? 1 : -1));
  }

  /** Oldest first. */
  messages(conversationId: string): Message[] {
    const ids = new Set(this.#created(conversationId).map(({ messageId }) => messageId));
    return [...ids].map((messageId) => this.#messageOf(messageId)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  conversation(id: string): Conversation {
    const { last_message_id, last_message_sender_id, last_message_content, last_message_at } =
      this.#entryOf(id);
    const participant_ids = [id, ME].sort();
    return {
      id,
      participant_ids,
      name: null,
      creator_id: null,
      created_at: '',
      last_message_id,
      last_message_sender_id,
      last_message_content,
      last_message_at,
      read_positions: participant_ids.map((user_id) => ({
        user_id,
        read_up_to: this.#positionOf(id, user_id),
      })),
    };
  }

  /** A client of this service. Conversations have the id of the other user. */
  client(): MessengerClient {
    const answer = <Result>(read: () => Result) => this.#answer(read);
    const list = <Item>(
      all: () => Item[],
      idOf: (item: Item) => string,
      limit = 30,
      start?: string,
    ): List<Item> => {
      async function* pages(): AsyncGenerator<Page<Item>, void, undefined> {
        for (let cursor = start; ;) {
          const page: Page<Item> = await answer(() => {
            const rest = all().filter((item) => cursor === undefined || idOf(item) < cursor);
            const data = rest.slice(0, limit);
            return { data, limit, next_cursor: rest.length > limit ? idOf(data.at(-1)!) : null };
          });
          yield page;
          if (page.next_cursor === null) return;
          cursor = page.next_cursor;
        }
      }
      return {
        pages,
        async *[Symbol.asyncIterator]() {
          for await (const page of pages()) yield* page.data;
        },
      };
    };
    const outbox = makeOutbox({
      userId: ME,
      storage: undefined,
      timer: this.#timer,
      post: (message) => this.#post(message),
    });
    return {
      userId: ME,
      outbox,
      send: (message) => outbox.add(message),
      conversations: ({ limit, cursor } = {}) =>
        list(
          () => this.inbox(),
          ({ last_event_id }) => last_event_id,
          limit,
          cursor,
        ),
      messages: (id, { limit, cursor } = {}) =>
        list(
          () => this.messages(id).reverse(),
          (message) => message.id,
          limit,
          cursor,
        ),
      getConversation: (id) => this.#answer(() => this.conversation(id)),
      startConversation: (id) => this.#answer(() => this.conversation(id)),
      markRead: (conversation_id, upTo) =>
        this.#answer(() => ({
          conversation_id,
          user_id: ME,
          read_up_to: this.mark(conversation_id, ME, upTo),
        })),
      getUser: (id) => this.#answer(() => ({ id, username: `Name of ${id}`, created_at: '' })),
      saveUser: () => Promise.reject(new Error('unused')),
      follow: ({ signal } = {}) => this.#follow(signal!),
      close: () => outbox.close(),
    };
  }

  async *#follow(signal: AbortSignal): AsyncGenerator<FollowItem> {
    yield { kind: 'connection', state: 'live' };
    yield { kind: 'reset', cursor: '' };
    signal.addEventListener('abort', () => this.#onItem());
    while (!signal.aborted) {
      const item = this.#items.shift();
      if (item) yield item;
      else {
        await new Promise<void>((resolve) => (this.#onItem = resolve));
      }
    }
  }

  #yield(item: FollowItem): void {
    this.#items.push(item);
    this.#onItem();
  }

  /** The result of `read` as of now, which arrives some time later. */
  async #answer<Result>(read: () => Result): Promise<Result> {
    const result = read();
    const hasFailed = this.#failures > 0;
    if (hasFailed) this.#failures -= 1;
    for (let turns = this.#choose(8); turns > 0; turns -= 1) await new Promise(setImmediate);
    if (hasFailed) throw new NetworkError('fails as the test wants');
    return result;
  }

  #post({ to, content }: OutgoingMessage): Promise<Message> {
    if (!('conversationId' in to)) throw new Error('unused');
    const id = this.send(to.conversationId, ME, false, content);
    const hidden = this.#hidden.findIndex((event) => event.id === id);
    this.#show(this.#hidden.splice(hidden, 1)[0]!);
    return new Promise((resolve) => this.#responses.push(() => resolve(this.#messageOf(id))));
  }

  #nextId(): string {
    return String((this.#ids += 1)).padStart(8, '0');
  }

  #show(event: LogEvent): void {
    this.#visible.push(event);
    this.#undelivered.push(event);
  }

  #created(conversationId: string) {
    return this.#visible.filter(
      (event) => event.type === 'message.created' && event.conversationId === conversationId,
    ) as (LogEvent & { readonly type: 'message.created'; readonly messageId: string })[];
  }

  /** The events that decide where the conversation stands, oldest first. */
  #placing(conversationId: string): LogEvent[] {
    return this.#visible
      .filter(
        (event) =>
          event.conversationId === conversationId &&
          (event.type === 'message.created' || event.type === 'conversation.created'),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #isDeleted(messageId: string): boolean {
    return this.#visible.some((event) => event.type === 'message.deleted' && event.messageId === messageId);
  }

  #messageOf(messageId: string): Message {
    const { conversationId, sender, content } = this.#messages.get(messageId)!;
    const idsOf = (type: LogEvent['type']) =>
      this.#visible
        .filter((event) => event.type === type && 'messageId' in event && event.messageId === messageId)
        .map(({ id }) => id)
        .sort();
    const edited_at = idsOf('message.edited').at(-1) ?? null;
    const deleted_at = idsOf('message.deleted')[0] ?? null;
    return {
      id: messageId,
      conversation_id: conversationId,
      sender_id: sender,
      receiver_id: sender === ME ? conversationId : ME,
      content: deleted_at !== null ? null : edited_at !== null ? `${content}, edited ${edited_at}` : content,
      created_at: '',
      edited_at: deleted_at !== null ? null : edited_at,
      deleted_at,
    };
  }

  #positionOf(conversationId: string, user: string): string | null {
    const marks = this.#visible.flatMap((event) => {
      if (event.conversationId !== conversationId) return [];
      if (event.type === 'conversation.read' && event.reader === user) return [event.readUpTo];
      const isOwn = event.type === 'message.created' && this.#messages.get(event.messageId)!.sender === user;
      return isOwn ? [event.messageId] : [];
    });
    return marks.sort().at(-1) ?? null;
  }

  #entryOf(id: string): InboxEntry {
    const last = this.#placing(id).at(-1);
    const message = last?.type === 'message.created' ? this.#messageOf(last.messageId) : null;
    const read_up_to = this.#positionOf(id, ME);
    const unread = new Set(
      this.#created(id)
        .filter(({ id: eventId }) => eventId > (read_up_to ?? ''))
        .map(({ messageId }) => this.#messageOf(messageId))
        .filter(({ sender_id, content }) => sender_id !== ME && content !== null)
        .map((message) => message.id),
    );
    return {
      id,
      participant_ids: [id, ME].sort(),
      other_user_id: id,
      name: null,
      last_message_id: message?.id ?? null,
      last_message_sender_id: message?.sender_id ?? null,
      last_message_content: message?.content ?? null,
      last_message_at: message?.created_at ?? null,
      last_event_id: last?.id ?? '',
      read_up_to,
      unread: unread.size > 0,
      unread_count: unread.size,
    };
  }

  #eventOf(event: LogEvent): KnownEvent {
    const { id, conversationId: conversation_id } = event;
    const common = { id, timestamp: id };
    switch (event.type) {
      case 'message.created':
      case 'message.edited':
        return { ...common, type: event.type, data: this.#messageOf(event.messageId) };
      case 'message.deleted':
        return { ...common, type: event.type, data: { conversation_id, message_id: event.messageId } };
      case 'conversation.created':
        return { ...common, type: event.type, data: this.conversation(conversation_id) };
      case 'conversation.read': {
        const data = { conversation_id, user_id: event.reader, read_up_to: event.readUpTo };
        return { ...common, type: event.type, data };
      }
    }
  }
}
