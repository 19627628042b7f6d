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
import { NetworkError, ProblemError } from '../../client/src/index.ts';
import { makeOutbox, type OutgoingMessage } from '../../client/src/outbox.ts';
import type { ManualTimer } from './client-fakes.ts';

/** The user of the store under test. */
export const ME = 'me';

/** These conversations are groups. */
export const GROUPS: readonly string[] = ['max', 'zoe'];

const LEFT = {
  type: 'urn:problem:messenger:member-left',
  title: 'The user has left the group',
  status: 403,
  detail: '',
};

/** A sorted id that lies between those of `#nextId`. */
const between = (id: string, tail: string): string => `${id}.${tail}`;

/** An event as the log has it. What it delivers is the state at the time of delivery, as with the service. */
type LogEvent = { readonly id: string; readonly conversationId: string } & (
  | { readonly type: 'message.created' | 'message.edited' | 'message.deleted'; readonly messageId: string }
  | { readonly type: 'conversation.created' }
  /** The user of the store joins a group (again), or leaves it. */
  | { readonly type: 'joined' | 'left' }
  | { readonly type: 'conversation.updated' }
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
  readonly #responses: { readonly conversationId: string; readonly respond: () => void }[] = [];
  readonly #items: FollowItem[] = [];
  #onItem = (): void => undefined;
  #ids = 0;
  #failures = 0;

  readonly #choose: (below: number) => number;
  readonly #timer: ManualTimer;

  constructor(choose: (below: number) => number, timer: ManualTimer) {
    this.#choose = choose;
    this.#timer = timer;
    for (const id of GROUPS)
      this.#show({ id: this.#nextId(), conversationId: id, type: 'conversation.created' });
  }

  // What happens.

  /**
   * A message, whose event becomes visible with `reveal`. A late one has an event with an id of its own; it may have the
   * ordinary one, too, if its send was half finished.
   */
  send(conversationId: string, sender: string, isLate: boolean, content = `content ${this.#ids}`): string {
    if (sender === ME && this.hasLeft(conversationId)) return '';
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

  /**
   * One leaves a group, at a time that may lie below messages of others that one has seen; or joins it again. Not while an own
   * send is on its way.
   */
  changeMembership(conversationId: string): void {
    const isOwn = (event: LogEvent) =>
      event.type === 'message.created' && this.#messages.get(event.messageId)!.sender === ME;
    const onTheWay = [...this.#responses, ...this.#hidden.filter(isOwn)];
    if (onTheWay.some((send) => send.conversationId === conversationId)) return;
    const { joined, left } = this.#membershipOf(conversationId);
    if (left !== null) {
      this.#show({ id: this.#nextId(), conversationId, type: 'joined' });
      return;
    }
    const next = this.#nextId();
    const earlier = String(this.#ids - this.#choose(3)).padStart(8, '0');
    const own = [...this.#messages].filter(
      ([, message]) => message.sender === ME && message.conversationId === conversationId,
    );
    const first =
      [joined, this.#placing(conversationId)[0]?.id ?? '', ...own.map(([id]) => id)].sort().at(-1) ?? '';
    const id = between(earlier < first ? next : earlier, next);
    this.#show({ id, conversationId, type: 'left' });
  }

  /** A group gets a new name, or another participant. */
  update(conversationId: string): void {
    this.#show({ id: this.#nextId(), conversationId, type: 'conversation.updated' });
  }

  hasLeft(conversationId: string): boolean {
    return this.#membershipOf(conversationId).left !== null;
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
    if (!this.#isForMe(event)) return true;
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
    const response = this.#responses.shift();
    response?.respond();
    return response !== undefined;
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
    const isGroup = GROUPS.includes(id);
    const participant_ids = [id, ...(isGroup ? ['third'] : []), ...(this.hasLeft(id) ? [] : [ME])].sort();
    return {
      id,
      participant_ids,
      name: this.#nameOf(id),
      creator_id: isGroup ? id : null,
      created_at: '',
      last_message_id,
      last_message_sender_id,
      last_message_content,
      last_message_at,
      read_positions: isGroup
        ? null
        : participant_ids.map((user_id) => ({ user_id, read_up_to: this.#positionOf(id, user_id) })),
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
      conversationWith: () => undefined,
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
      createGroup: unused,
      addParticipant: unused,
      removeParticipant: (id) =>
        this.#answer(() => {
          if (!this.hasLeft(id)) this.changeMembership(id);
        }),
      renameConversation: (id) =>
        this.#answer(() => {
          this.update(id);
          return this.conversation(id);
        }),
      getMessage: (_, id) => this.#answer(() => this.#messageOf(id)),
      editMessage: (_, id) =>
        this.#answer(() => {
          this.#changeOwn('message.edited', id);
          return this.#messageOf(id);
        }),
      deleteMessage: (_, id) => this.#answer(() => this.#changeOwn('message.deleted', id)),
      getUser: (id) => this.#answer(() => ({ id, username: `Name of ${id}`, created_at: '' })),
      saveUser: unused,
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
    if (this.hasLeft(to.conversationId)) return Promise.reject(new ProblemError(LEFT));
    const id = this.send(to.conversationId, ME, false, content);
    const hidden = this.#hidden.findIndex((event) => event.id === id);
    this.#show(this.#hidden.splice(hidden, 1)[0]!);
    const { conversationId } = to;
    return new Promise((resolve) => {
      this.#responses.push({ conversationId, respond: () => resolve(this.#messageOf(id)) });
    });
  }

  #nextId(): string {
    return String((this.#ids += 1)).padStart(8, '0');
  }

  #show(event: LogEvent): void {
    this.#visible.push(event);
    this.#undelivered.push(event);
  }

  /** The events of the messages that are for the user of the store. */
  #created(conversationId: string) {
    return this.#visible.filter(
      (event) =>
        event.type === 'message.created' && event.conversationId === conversationId && this.#isForMe(event),
    ) as (LogEvent & { readonly type: 'message.created'; readonly messageId: string })[];
  }

  #changeOwn(type: 'message.edited' | 'message.deleted', messageId: string): void {
    const { conversationId } = this.#messages.get(messageId)!;
    this.#show({ id: this.#nextId(), conversationId, type, messageId });
  }

  #membershipOf(conversationId: string): { readonly joined: string; readonly left: string | null } {
    const idsOf = (type: LogEvent['type']) =>
      this.#visible
        .filter((event) => event.type === type && event.conversationId === conversationId)
        .map(({ id }) => id);
    const joined = idsOf('joined').at(-1) ?? '';
    return { joined, left: idsOf('left').find((id) => id > joined) ?? null };
  }

  #isForMe(event: LogEvent): boolean {
    const { joined, left } = this.#membershipOf(event.conversationId);
    const at = 'messageId' in event ? event.messageId : event.id;
    return at >= joined && (left === null || at <= left || event.type === 'conversation.read');
  }

  #nameOf(conversationId: string): string | null {
    const updates = this.#visible.filter(
      (event) =>
        event.conversationId === conversationId &&
        event.type === 'conversation.updated' &&
        this.#isForMe(event),
    );
    return updates.length > 0 ? `Name ${updates.length}` : null;
  }

  /** The events that decide where the conversation stands, oldest first. */
  #placing(conversationId: string): LogEvent[] {
    return this.#visible
      .filter(
        (event) =>
          event.conversationId === conversationId &&
          (event.type === 'message.created' ||
            event.type === 'conversation.created' ||
            event.type === 'joined') &&
          this.#isForMe(event),
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
    const isGroup = GROUPS.includes(id);
    const { left } = this.#membershipOf(id);
    const atMost = (eventId: string) => (left !== null && left < eventId ? left : eventId);
    const last = this.#placing(id).at(-1);
    const message = last?.type === 'message.created' ? this.#messageOf(last.messageId) : null;
    const read_up_to = this.#positionOf(id, ME);
    const unread = new Set(
      this.#created(id)
        .filter(({ id: eventId }) => atMost(eventId) > (read_up_to ?? ''))
        .map(({ messageId }) => this.#messageOf(messageId))
        .filter(({ sender_id, content }) => sender_id !== ME && content !== null)
        .map((message) => message.id),
    );
    // The fields that the client uses.
    const entry: Partial<InboxEntry> = {
      id,
      participant_ids: isGroup ? null : [id, ME].sort(),
      other_user_id: isGroup ? null : id,
      name: this.#nameOf(id),
      left_at: left,
      last_message_id: message?.id ?? null,
      last_message_sender_id: message?.sender_id ?? null,
      last_message_content: message?.content ?? null,
      last_message_at: message?.created_at ?? null,
      last_event_id: atMost(last?.id ?? ''),
      read_up_to,
      unread: unread.size > 0,
      unread_count: unread.size,
    };
    return entry as InboxEntry;
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
      case 'joined':
        return { ...common, type: 'conversation.created', data: this.conversation(conversation_id) };
      case 'conversation.updated':
      case 'left':
        return { ...common, type: 'conversation.updated', data: this.conversation(conversation_id) };
      case 'conversation.read': {
        const data = { conversation_id, user_id: event.reader, read_up_to: event.readUpTo };
        return { ...common, type: event.type, data };
      }
    }
  }
}

const unused = () => Promise.reject(new Error('unused'));
