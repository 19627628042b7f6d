import type { ListOptions, MessengerClient } from './client.ts';
import type { ConnectionState } from './follow.ts';
import {
  later,
  merged,
  newerOf,
  withContent,
  withMessage,
  withPositions,
  withRead,
  type Changed,
} from './inbox-rules.ts';
import type { OutgoingMessage } from './outbox.ts';
import type { List } from './pages.ts';
import { ProblemError } from './problems.ts';
import { pause, systemTimer, type Timer } from './timer.ts';
import type { Conversation, InboxEntry, KnownEvent, Message, Page, Problem } from './types.ts';

/** What is shown. It never changes: a new state is a new object. Parts that did not change are the same objects. */
export interface Snapshot {
  readonly connection: ConnectionState;
  /** Why following has ended, such as an invalid token; null while it continues. */
  readonly problem: Problem | null;
  readonly inbox: InboxState;
  /** The open conversation. */
  readonly open: OpenConversation | null;
  /** The names of users that are shown, by id. Users without a name are missing. */
  readonly users: Readonly<Record<string, string>>;
}

/** Whether a further page can be loaded, is being loaded, or could not be loaded. */
export type PageStatus = 'ready' | 'loading' | 'failed';

/** The inbox as far as it is loaded. */
export interface InboxState {
  readonly status: 'loading' | 'ready' | 'failed';
  /** Latest activity first, with `unread_count`. */
  readonly entries: readonly InboxEntry[];
  /** Whether `loadMoreConversations` finds more. */
  readonly hasMore: boolean;
  /** Whether `loadMoreConversations` loads now, or has failed the last time. */
  readonly moreStatus: PageStatus;
  /** Why the last load failed; null if no response arrived, or if none failed. */
  readonly problem: Problem | null;
}

/** The open conversation as far as it is loaded. */
export interface OpenConversation {
  readonly id: string;
  /** Null until it is loaded. Its last message is the last one of `messages`. */
  readonly conversation: Omit<Conversation, keyof LastMessage> | null;
  readonly status: 'loading' | 'ready' | 'failed';
  /** Oldest first. Deleted messages have the content null. */
  readonly messages: readonly Message[];
  /** The user's own messages that are pending or failed, oldest first. They are shown after `messages`. */
  readonly outgoing: readonly OutgoingMessage[];
  /** Whether `loadOlderMessages` finds more. */
  readonly hasOlder: boolean;
  /** Whether `loadOlderMessages` loads now, or has failed the last time. */
  readonly olderStatus: PageStatus;
  /** Why the last load failed; null if no response arrived, or if none failed. */
  readonly problem: Problem | null;
}

type LastMessage = Pick<
  Conversation,
  'last_message_id' | 'last_message_sender_id' | 'last_message_content' | 'last_message_at'
>;

/** The inbox and the open conversation of a client, kept up to date. It fits `useSyncExternalStore`. */
export interface Store {
  subscribe(listener: () => void): () => void;
  /** The same object until something changes. */
  getSnapshot(): Snapshot;
  /** Opens a conversation, and closes the one that is open. Opening it again after a failure loads it again, at once. */
  open(conversationId: string): void;
  /**
   * Opens the conversation with a user, which is started if there is none. Resolves to its id when it is open. Rejects with
   * a `ProblemError` or a `NetworkError`, and then leaves open what is open.
   */
  openWith(userId: string): Promise<string>;
  close(): void;
  /** Loads the next page of the inbox; also after a failure, at once. Does nothing while it loads or if there is none. */
  loadMoreConversations(): Promise<void>;
  /** Loads the page before the oldest message shown; also after a failure. Does nothing while it loads or if there is none. */
  loadOlderMessages(): Promise<void>;
  /** Keeps only the newest page of messages, which is loaded again: for a long conversation whose end is shown. */
  unloadOlderMessages(): void;
  /** Sends to the open conversation. Throws an `Error` if none is open. */
  send(content: string): OutgoingMessage;
  /**
   * Replaces the content of a message of the user in the open conversation. Resolves when it is shown. Rejects, as the other
   * changes below, with a `ProblemError` or a `NetworkError`, or with an `Error` if no conversation is open.
   */
  edit(messageId: string, content: string): Promise<void>;
  /** Deletes the content of a message of the user in the open conversation. */
  delete(messageId: string): Promise<void>;
  /** Names the open group. */
  rename(name: string): Promise<void>;
  addParticipant(userId: string): Promise<void>;
  /** Leaves the open group, or removes another participant. The group stays in the inbox of a user who leaves. */
  removeParticipant(userId: string): Promise<void>;
  /** Loads the names of users, such as all participants of a large group. */
  loadNames(userIds: readonly string[]): void;
  /** Marks the open conversation as read up to the last message shown. */
  markRead(): void;
  /** Sends a failed message again. */
  retry(key: string): void;
  /** Removes a failed message. */
  discard(key: string): void;
  /** Stops following and all loading. The client continues to send. */
  stop(): void;
}

/** The options of a store. */
export interface StoreOptions {
  /** The number of conversations and of messages of a page, 1–100; 30 by default. */
  readonly pageSize?: number;
  readonly timer?: Timer;
}

/** The pause before a load that has failed is repeated, in milliseconds. */
const RETRY_MS = 10_000;

/** The pause between two lists of the inbox for entries that are stale, in milliseconds. */
const RELIST_MS = 1_000;

/** The number of participants of a group whose names are loaded at once. Those of senders are always loaded. */
const MAX_NAMED = 30;

/** The number of items that a page has at most. */
const MAX_PAGE = 100;

/** A position above all others. */
const TOP = '~';

/** The number of user names that are requested at a time. */
const MAX_NAME_REQUESTS = 4;

/** How far a list is loaded: down to the position `end`, after which `cursor` continues. */
interface Depth {
  end: string | null;
  cursor: string | null;
}

/** The open conversation. `null` in `depth.end` means that no page is loaded. */
interface OpenState {
  readonly id: string;
  conversation: Conversation | null;
  status: OpenConversation['status'];
  problem: Problem | null;
  readonly messages: Map<string, Message>;
  /** A new object once the messages are listed again, so that older pages that are in flight are not kept. */
  depth: Depth;
  /** When a message was deleted, by id; also of messages that are not loaded. */
  readonly deleted: Map<string, string>;
  /** Read positions that events have shown, by user. */
  readonly positions: Map<string, string>;
  /** Pending messages whose event came before the response: the id of the message by its key. */
  readonly arrived: Map<string, string>;
  isLoading: boolean;
  /** Whether something happened during the load that makes another one necessary. */
  needsReload: boolean;
  /** Whether the next load lists the messages, too. */
  needsMessages: boolean;
  olderStatus: PageStatus;
  /**
   * Whether the service may no longer list messages that are shown: the user has left the group, or joined it
   * again; perhaps in events that were lost.
   */
  mayHaveLost: boolean;
  /** Whether only the newest page is to be kept. */
  needsUnload: boolean;
}

/** Makes a store, which begins to follow and to load the inbox. */
export function createStore(
  client: MessengerClient,
  { pageSize: limit = 30, timer = systemTimer }: StoreOptions = {},
): Store {
  const { userId } = client;
  const stopping = new AbortController();
  const { signal } = stopping;
  const listeners = new Set<() => void>();

  let connection: ConnectionState = 'connecting';
  let problem: Problem | null = null;
  const entries = new Map<string, InboxEntry>();
  const inboxDepth: Depth = { end: null, cursor: null };
  let inboxStatus: InboxState['status'] = 'loading';
  let inboxProblem: Problem | null = null;
  let moreStatus: PageStatus = 'ready';
  let opened: OpenState | null = null;
  const names = new Map<string, string | null>();

  /**
   * Conversations to be listed again, with the number of the change that made it necessary. `from` is a position at or below
   * that of the conversation, so a page that ends below it contains the conversation.
   */
  const stale = new Map<string, { readonly change: number; readonly from: string }>();
  let changes = 0;
  let isRefreshing = false;
  /** Conversations that were not loaded when they changed. A list that is in flight may show an earlier state. */
  const changedWhileListing = new Set<string>();
  /** Whether all of the inbox that is loaded has to be listed again. */
  let isAllStale = true;
  /** The number of resets. A page that was requested before a reset may lack what was lost. */
  let resets = 0;

  /** Own marks that the service has not confirmed. */
  const marks = new Map<string, string>();
  const marking = new Set<string>();
  /** Own messages whose event is still to come. */
  const ownSent = new Set<string>();

  /** The result of `load`, which is called again if there was a reset meanwhile. */
  async function unlessReset<Result>(load: () => Promise<Result>): Promise<Result> {
    for (;;) {
      const before = resets;
      const result = await load();
      if (before === resets) return result;
    }
  }

  const isStopped = (): boolean => signal.aborted;
  const waits = new Set<AbortController>();

  /** Waits as long as `error` requires before a retry; no longer than until the connection is back. */
  async function waitAfter(error: unknown): Promise<void> {
    const retryAfterMs = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
    await waitToRepeat(Math.max(RETRY_MS, retryAfterMs));
  }

  async function waitToRepeat(milliseconds: number): Promise<void> {
    const wait = new AbortController();
    waits.add(wait);
    if (isStopped()) wait.abort();
    await pause(timer, milliseconds, wait.signal);
    waits.delete(wait);
  }

  function wake(): void {
    for (const wait of waits) wait.abort();
  }

  // The snapshot. A part is computed again after it was marked as changed.

  type Part = 'inbox' | 'open' | 'users' | 'connection';
  const dirty = new Set<Part>();
  let isNotifying = false;
  let snapshot: Snapshot = {
    connection,
    problem,
    inbox: inboxState(),
    open: null,
    users: usersState(),
  };

  /** Marks parts as changed, and calls the listeners once the current work is done. */
  function changed(...parts: readonly Part[]): void {
    for (const part of parts) dirty.add(part);
    if (isNotifying) return;
    isNotifying = true;
    queueMicrotask(() => {
      isNotifying = false;
      for (const listener of [...listeners]) listener();
    });
  }

  function getSnapshot(): Snapshot {
    if (dirty.size === 0) return snapshot;
    snapshot = {
      connection,
      problem,
      inbox: dirty.has('inbox') ? inboxState() : snapshot.inbox,
      open: dirty.has('open') ? openState() : snapshot.open,
      users: dirty.has('users') ? usersState() : snapshot.users,
    };
    dirty.clear();
    return snapshot;
  }

  function inboxState(): InboxState {
    const shown = [...entries.values()].map((entry) => {
      const mark = marks.get(entry.id);
      return mark === undefined ? entry : withRead(entry, mark).entry;
    });
    return {
      status: inboxStatus,
      entries: shown.sort((a, b) => (a.last_event_id < b.last_event_id ? 1 : -1)),
      hasMore: inboxDepth.cursor !== null,
      moreStatus,
      problem: inboxProblem,
    };
  }

  function openState(): OpenConversation | null {
    if (opened === null) return null;
    const { id, conversation, status, problem, messages, depth, olderStatus, positions } = opened;
    // Without authentication, the service does not know the caller, and returns later messages, too.
    const leftAt = entries.get(id)?.left_at ?? null;
    const shown = [...messages.values()].filter(({ created_at }) => leftAt === null || created_at <= leftAt);
    return {
      id,
      conversation: conversation && withPositions(conversation, positions),
      status,
      messages: shown.sort((a, b) => (a.id < b.id ? -1 : 1)),
      outgoing: outgoingOf(opened).filter(
        ({ key, state }) => state !== 'pending' || opened?.arrived.has(key) !== true,
      ),
      hasOlder: depth.cursor !== null,
      olderStatus,
      problem,
    };
  }

  function usersState(): Readonly<Record<string, string>> {
    // Without a prototype: `constructor` is a user id, too.
    const users = Object.create(null) as Record<string, string>;
    for (const [id, name] of names) if (name !== null) users[id] = name;
    return users;
  }

  /** Own messages to the open conversation that are not sent yet. */
  function outgoingOf({ id, conversation }: OpenState): readonly OutgoingMessage[] {
    const { participant_ids = [] } = conversation ?? {};
    const other = participant_ids.find((participant) => participant !== userId) ?? participant_ids[0];
    const isPair = participant_ids.length <= 2;
    return client.outbox
      .messages()
      .filter(({ to }) =>
        'conversationId' in to ? to.conversationId === id : isPair && to.receiverId === other,
      );
  }

  // The inbox.

  /** Keeps an entry. Returns whether its read state is certain. */
  function keep({ entry, exact }: Changed): boolean {
    if (entries.get(entry.id) !== entry) {
      entries.set(entry.id, entry);
      changed('inbox');
      if (entry.id === opened?.id) changed('open');
      requestNames(entry.other_user_id, entry.last_message_sender_id);
    }
    return exact;
  }

  /** Keeps an entry of a list. Returns whether it is certain. */
  function keepListed(listed: InboxEntry): boolean {
    const isCertain = keep(merged(entries.get(listed.id), listed));
    if (changedWhileListing.delete(listed.id)) refresh(listed.id, listed.last_event_id);
    return isCertain;
  }

  /** The entry of a conversation that has changed. */
  function changedEntry(conversationId: string): InboxEntry | undefined {
    const entry = entries.get(conversationId);
    if (entry === undefined && isListing()) changedWhileListing.add(conversationId);
    return entry;
  }

  function isListing(): boolean {
    return isRefreshing || moreStatus === 'loading';
  }

  /** Lists a conversation again. */
  function refresh(conversationId: string, from: string): void {
    stale.set(conversationId, { change: (changes += 1), from });
    void listStale();
  }

  function refreshAll(): void {
    isAllStale = true;
    for (const { id, last_event_id } of entries.values()) refresh(id, last_event_id);
    void listStale();
  }

  /** Lists the inbox from the top until no entry is stale. Temporary failures are repeated. */
  async function listStale(): Promise<void> {
    if (isRefreshing) return;
    isRefreshing = true;
    while (!isStopped() && (isAllStale || stale.size > 0)) {
      const wereAllStale = isAllStale;
      isAllStale = false;
      try {
        await listOnce(wereAllStale ? (inboxDepth.end ?? TOP) : TOP);
        inboxStatus = 'ready';
        inboxProblem = null;
        changed('inbox');
        // An entry can be stale for a moment: its event arrives before the inbox shows it.
        if (stale.size > 0) await waitToRepeat(RELIST_MS);
      } catch (error) {
        isAllStale ||= wereAllStale;
        if (isStopped()) break;
        if (inboxStatus === 'loading') inboxStatus = 'failed';
        inboxProblem = problemOf(error);
        changed('inbox');
        if (isRefusal(inboxProblem)) break;
        await waitAfter(error);
      }
    }
    isRefreshing = false;
    if (!isListing()) changedWhileListing.clear();
  }

  async function listOnce(downTo: string): Promise<void> {
    const missing = new Map(stale);
    const list = (at: ListOptions) => client.conversations({ ...at, unreadCounts: true, signal });
    for await (const page of pagesOf(list, limit)) {
      for (const listed of page.data) {
        const isCertain = keepListed(listed);
        const { change } = missing.get(listed.id) ?? {};
        if (isCertain && change === stale.get(listed.id)?.change) stale.delete(listed.id);
        // Of a group that the user has left, the listed entry has replaced the newer one.
        const isReplaced = !isCertain && listed.left_at !== null;
        if (isReplaced && !stale.has(listed.id)) refresh(listed.id, listed.last_event_id);
        missing.delete(listed.id);
      }
      const end = page.data.at(-1)?.last_event_id ?? '';
      extendDepth(inboxDepth, page, end);
      if (end <= downTo && [...missing.values()].every(({ from }) => from > end)) break;
    }
    // A conversation that is not listed has moved up, and its event is to come; or it is not in the inbox.
    for (const [id, { change }] of missing) {
      if (!entries.has(id) && change === stale.get(id)?.change) stale.delete(id);
    }
  }

  async function loadMoreConversations(): Promise<void> {
    const { cursor } = inboxDepth;
    if (inboxStatus === 'failed') {
      inboxStatus = 'loading';
      changed('inbox');
      wake();
      await listStale();
    }
    if (cursor === null || moreStatus === 'loading') return;
    moreStatus = 'loading';
    changed('inbox');
    try {
      const load = () => firstOf(client.conversations({ unreadCounts: true, limit, cursor, signal }));
      const page = await unlessReset(load);
      for (const listed of page.data) {
        if (!keepListed(listed)) refresh(listed.id, listed.last_event_id);
      }
      extendDepth(inboxDepth, page, page.data.at(-1)?.last_event_id);
      inboxProblem = null;
      moreStatus = 'ready';
    } catch (error) {
      inboxProblem = problemOf(error);
      moreStatus = 'failed';
    } finally {
      if (!isListing()) changedWhileListing.clear();
      changed('inbox');
    }
  }

  // The open conversation.

  function open(conversationId: string): void {
    if (opened?.id !== conversationId) {
      opened = {
        id: conversationId,
        conversation: null,
        status: 'loading',
        problem: null,
        messages: new Map(),
        depth: { end: null, cursor: null },
        deleted: new Map(),
        positions: new Map(),
        arrived: new Map(),
        isLoading: false,
        needsReload: false,
        needsMessages: false,
        olderStatus: 'ready',
        mayHaveLost: false,
        needsUnload: false,
      };
      changed('open');
    }
    opened.needsMessages = true;
    void load(opened);
  }

  /** Loads a conversation, and its messages, if they are to be listed, from the newest down to the oldest that is shown. */
  async function load(state: OpenState): Promise<void> {
    state.needsReload = true;
    if (state.status === 'failed') {
      state.status = 'loading';
      changed('open');
      wake();
    }
    if (state.isLoading) return;
    state.isLoading = true;
    changed('open');
    while (state.needsReload && opened === state && !isStopped()) {
      state.needsReload = false;
      const { mayHaveLost, needsUnload, needsMessages } = state;
      const shown = mayHaveLost || needsUnload ? [...state.messages.keys()] : [];
      if (mayHaveLost || needsUnload) state.depth = { ...state.depth };
      state.mayHaveLost = state.needsUnload = state.needsMessages = false;
      try {
        const [conversation, listed] = await Promise.all([
          client.getConversation(state.id, signal),
          needsMessages ? loadMessages(state, needsUnload ? null : state.depth.end) : null,
        ]);
        if (listed && (mayHaveLost || needsUnload)) {
          for (const id of shown) if (!listed.ids.has(id)) state.messages.delete(id);
          state.depth = listed.depth;
          dropBelow(state);
        }
        state.conversation = conversation;
        requestNames(...conversation.participant_ids.slice(0, MAX_NAMED));
        state.status = 'ready';
        state.problem = null;
      } catch (error) {
        state.mayHaveLost ||= mayHaveLost;
        state.needsUnload ||= needsUnload;
        state.needsMessages ||= needsMessages;
        state.problem = problemOf(error);
        if (state.status === 'loading') state.status = 'failed';
        // A refusal, such as of a conversation that does not exist, is final.
        if (!isRefusal(state.problem)) {
          changed('open');
          await waitAfter(error);
          state.needsReload = true;
        }
      }
      changed('open');
    }
    state.isLoading = false;
  }

  /** Loads the messages down to `end`, or one page. Returns the ids of those that are listed, and how far that is. */
  async function loadMessages(
    state: OpenState,
    end: string | null,
  ): Promise<{ readonly ids: ReadonlySet<string>; readonly depth: Depth }> {
    const ids = new Set<string>();
    const depth: Depth = { end: null, cursor: null };
    const list = (at: ListOptions) => client.messages(state.id, { ...at, signal });
    for await (const page of pagesOf(list, limit)) {
      keepMessages(state, page);
      for (const { id } of page.data) ids.add(id);
      const oldest = page.data.at(-1)?.id ?? '';
      extendDepth(depth, page, oldest);
      if (end === null || oldest <= end) break;
    }
    return { ids, depth };
  }

  /** Keeps a page of messages. */
  function keepMessages(state: OpenState, page: Page<Message>): void {
    for (const message of page.data) keepMessage(state, message);
    extendDepth(state.depth, page, page.data.at(-1)?.id);
    dropBelow(state);
    if (state === opened) changed('open');
  }

  /**
   * Drops messages from further down than what is loaded, which events have brought. They are loaded with their page, so that
   * none is missing between.
   */
  function dropBelow({ depth: { end, cursor }, messages }: OpenState): void {
    if (cursor === null || end === null) return;
    for (const id of messages.keys()) if (id < end) messages.delete(id);
  }

  function keepMessage(state: OpenState, message: Message): void {
    const deleted_at = state.deleted.get(message.id);
    const current =
      deleted_at === undefined
        ? message
        : newerOf(message, { ...message, content: null, edited_at: null, deleted_at });
    state.messages.set(message.id, newerOf(state.messages.get(message.id), current));
    requestNames(message.sender_id);
    changed('open');
  }

  /** Keeps a message from an event, unless it is further down than what is loaded. */
  function keepNewMessage(state: OpenState, message: Message): void {
    const { end, cursor } = state.depth;
    if (cursor === null || end === null || message.id >= end) keepMessage(state, message);
  }

  async function loadOlderMessages(): Promise<void> {
    const state = opened;
    const depth = state?.depth;
    const cursor = depth?.cursor;
    if (!state || !cursor || state.olderStatus === 'loading') return;
    state.olderStatus = 'loading';
    changed('open');
    try {
      const load = () => firstOf(client.messages(state.id, { limit, cursor, signal }));
      const page = await unlessReset(load);
      if (state.depth === depth) keepMessages(state, page);
      state.problem = null;
      state.olderStatus = 'ready';
    } catch (error) {
      state.problem = problemOf(error);
      state.olderStatus = 'failed';
    } finally {
      if (state === opened) changed('open');
    }
  }

  // Events.

  function apply({ id, timestamp, ...event }: KnownEvent): void {
    switch (event.type) {
      case 'message.created':
        applyMessage(id, event.data, false);
        return;
      case 'message.edited':
        applyChanged(event.data, false);
        return;
      case 'message.deleted': {
        const { conversation_id, message_id } = event.data;
        const entry = changedEntry(conversation_id);
        if (entry) {
          keep({ entry: withContent(entry, message_id, null), exact: true });
          const isShown = entry.unread || entry.last_message_id === message_id;
          if (isShown || isListing()) refresh(entry.id, entry.last_event_id);
        }
        if (opened?.id === conversation_id) {
          const earlier = opened.deleted.get(message_id);
          if (earlier === undefined || timestamp < earlier) opened.deleted.set(message_id, timestamp);
          const message = opened.messages.get(message_id);
          if (message) keepMessage(opened, message);
        }
        return;
      }
      case 'conversation.created':
      case 'conversation.updated': {
        const conversation = event.data;
        const isOwnMembership =
          event.type === 'conversation.created' || !conversation.participant_ids.includes(userId);
        if (opened?.id === conversation.id && isOwnMembership)
          opened.mayHaveLost = opened.needsMessages = true;
        reload(conversation.id, id);
        return;
      }
      case 'conversation.read': {
        const { conversation_id, user_id, read_up_to } = event.data;
        const entry = user_id === userId ? changedEntry(conversation_id) : undefined;
        if (entry && !keep(withRead(entry, read_up_to))) {
          refresh(entry.id, entry.last_event_id);
        }
        if (opened?.id === conversation_id) setPosition(opened, user_id, read_up_to);
      }
    }
  }

  /** Keeps a message that was edited, or deleted by the user. A response may come after the message is no longer listed. */
  function applyChanged(message: Message, isResponse: boolean): void {
    const entry = changedEntry(message.conversation_id);
    if (entry) keep({ entry: withContent(entry, message.id, message.content), exact: true });
    if (opened?.id === message.conversation_id && (!isResponse || opened.messages.has(message.id)))
      keepNewMessage(opened, message);
    // Edits may arrive in another order than they were made in, and during a list.
    if (entry && (entry.last_message_id === message.id || isListing()))
      refresh(entry.id, entry.last_event_id);
  }

  /** Loads a conversation that has changed. */
  function reload(conversationId: string, eventId: string): void {
    refresh(conversationId, changedEntry(conversationId)?.last_event_id ?? eventId);
    if (opened?.id === conversationId) void load(opened);
  }

  function applyMessage(eventId: string, message: Message, isResponse: boolean): void {
    const { conversation_id, id, sender_id } = message;
    const entry = entries.get(conversation_id);
    // The response to an own message has been applied already.
    if (!ownSent.delete(eventId)) {
      const isCertain = entry !== undefined && keep(withMessage(entry, userId, eventId, message));
      if (!isCertain) refresh(conversation_id, entry?.last_event_id ?? eventId);
    }
    const state = opened;
    if (state?.id !== conversation_id) return;
    if (sender_id === userId && !isResponse && !state.messages.has(id)) {
      const taken = new Set(state.arrived.keys());
      const own = outgoingOf(state).find(
        ({ key, state, content }) => state === 'pending' && content === message.content && !taken.has(key),
      );
      if (own) state.arrived.set(own.key, id);
    }
    keepNewMessage(state, message);
    setPosition(state, sender_id, id);
  }

  function setPosition(state: OpenState, user: string, position: string): void {
    state.positions.set(user, later(state.positions.get(user) ?? null, position) ?? position);
    changed('open');
  }

  const stopWatching = client.outbox.subscribe(({ key, state, message }) => {
    changed('open');
    opened?.arrived.delete(key);
    if (state !== 'sent' || message === undefined) return;
    const entry = entries.get(message.conversation_id);
    const isNewer = entry === undefined || entry.last_event_id < message.id;
    applyMessage(message.id, message, true);
    if (isNewer) ownSent.add(message.id);
  });

  // Own changes.

  function openId(): string {
    if (opened === null) throw new Error('No conversation is open.');
    return opened.id;
  }

  async function changeGroup(change: (conversationId: string) => Promise<unknown>): Promise<void> {
    const id = openId();
    await change(id);
    reload(id, TOP);
  }

  // Own marks.

  function markRead(): void {
    if (opened === null) return;
    const { id, messages } = opened;
    const entry = entries.get(id);
    const newest = [...messages.keys()].reduce((a, b) => (a > b ? a : b), '');
    // The event of a message that came late is above the message.
    const isAll = entry?.last_message_id != null && messages.has(entry.last_message_id);
    const upTo = isAll ? later(newest, entry.last_event_id) : newest;
    if (!upTo || upTo <= (marks.get(id) ?? entry?.read_up_to ?? '')) return;
    marks.set(id, upTo);
    changed('inbox');
    void confirmMarks(id);
  }

  /** Sends the mark of a conversation until the service confirms or refuses it. */
  async function confirmMarks(id: string): Promise<void> {
    if (marking.has(id)) return;
    marking.add(id);
    for (let upTo = marks.get(id); upTo !== undefined && !isStopped(); upTo = marks.get(id)) {
      try {
        const { read_up_to } = await client.markRead(id, upTo);
        const entry = entries.get(id);
        if (entry && !keep(withRead(entry, read_up_to))) refresh(id, entry.last_event_id);
        if (opened?.id === id) setPosition(opened, userId, read_up_to);
      } catch (error) {
        if (!isRefusal(problemOf(error))) {
          await waitAfter(error);
          continue;
        }
      }
      if (marks.get(id) === upTo) marks.delete(id);
      changed('inbox');
    }
    marking.delete(id);
  }

  // Names.

  const needed: string[] = [];
  let nameRequests = 0;

  /** Loads the names of users that are not known yet. */
  function requestNames(...ids: readonly (string | null)[]): void {
    for (const id of ids) {
      if (id === null || names.has(id)) continue;
      names.set(id, null);
      needed.push(id);
    }
    while (needed.length > 0 && nameRequests < MAX_NAME_REQUESTS) void loadNames();
  }

  async function loadNames(): Promise<void> {
    nameRequests += 1;
    for (let id = needed.shift(); id !== undefined && !isStopped(); id = needed.shift()) {
      try {
        const user = await client.getUser(id, signal);
        if (user) names.set(id, user.username);
        if (user) changed('users');
      } catch (error) {
        const failedId = id;
        if (isRefusal(problemOf(error))) continue;
        void waitAfter(error).then(() => {
          names.delete(failedId);
          requestNames(failedId);
        });
      }
    }
    nameRequests -= 1;
  }

  // Following.

  async function run(): Promise<void> {
    try {
      for await (const item of client.follow({ signal })) {
        if (item.kind === 'event') apply(item.event);
        if (item.kind === 'reset') {
          resets += 1;
          ownSent.clear();
          refreshAll();
          if (opened) {
            opened.mayHaveLost = opened.needsMessages = true;
            void load(opened);
          }
        }
        if (item.kind === 'connection') {
          connection = item.state;
          if (connection === 'live' || connection === 'polling') wake();
          changed('connection');
        }
      }
    } catch (error) {
      connection = 'offline';
      problem = problemOf(error);
      changed('connection');
    }
  }

  void run();
  void listStale();

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    getSnapshot,
    open,
    async openWith(otherUserId) {
      const known = [...entries.values()].find(({ other_user_id }) => other_user_id === otherUserId);
      const { id } = known ?? (await client.startConversation(otherUserId, signal));
      open(id);
      return id;
    },
    close() {
      opened = null;
      changed('open');
    },
    loadMoreConversations,
    loadOlderMessages,
    unloadOlderMessages() {
      if (opened === null || opened.messages.size <= limit) return;
      opened.needsUnload = opened.needsMessages = true;
      void load(opened);
    },
    send: (content) => client.send({ to: { conversationId: openId() }, content }),
    edit: async (messageId, content) => {
      applyChanged(await client.editMessage(openId(), messageId, content), true);
    },
    async delete(messageId) {
      const id = openId();
      await client.deleteMessage(id, messageId);
      try {
        applyChanged(await client.getMessage(id, messageId, signal), true);
      } catch {
        // The deletion has succeeded nevertheless.
        if (opened?.id === id) opened.needsMessages = true;
        reload(id, TOP);
      }
    },
    rename: (name) => changeGroup((id) => client.renameConversation(id, name)),
    addParticipant: (user) => changeGroup((id) => client.addParticipant(id, user)),
    removeParticipant: (user) => changeGroup((id) => client.removeParticipant(id, user)),
    loadNames: (userIds) => {
      requestNames(...userIds);
    },
    markRead,
    retry: (key) => {
      client.outbox.retry(key);
    },
    discard: (key) => {
      client.outbox.discard(key);
    },
    stop() {
      stopping.abort();
      wake();
      stopWatching();
      listeners.clear();
    },
  };
}

/** Records that `page` is loaded, whose last item has the position `end`. */
function extendDepth<Item>(depth: Depth, { next_cursor }: Page<Item>, end = ''): void {
  if (depth.end !== null && end >= depth.end) return;
  depth.end = next_cursor === null ? '' : end;
  depth.cursor = next_cursor;
}

/** The pages of `list`. The first one has up to `limit` items; if more are needed, they are as large as possible. */
async function* pagesOf<Item>(
  list: (at: ListOptions) => List<Item>,
  limit: number,
): AsyncGenerator<Page<Item>, void, undefined> {
  const first = await firstOf(list({ limit }));
  yield first;
  if (first.next_cursor !== null) yield* list({ limit: MAX_PAGE, cursor: first.next_cursor }).pages();
}

async function firstOf<Item>(list: { pages(): AsyncGenerator<Page<Item>> }): Promise<Page<Item>> {
  for await (const page of list.pages()) return page;
  throw new Error('A list has a first page.');
}

/** Whether the service refuses permanently, such as for a conversation that does not exist. A proxy may refuse temporarily. */
function isRefusal(problem: Problem | null): boolean {
  return problem !== null && problem.status < 429 && problem.type !== 'about:blank';
}

/** The problem of an error; null if no response arrived. */
function problemOf(error: unknown): Problem | null {
  return error instanceof ProblemError ? error.problem : null;
}
