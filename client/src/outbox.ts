import { ProblemError } from './problems.ts';
import type { Timer } from './timer.ts';
import type { Message, Problem } from './types.ts';

/** The target of a message: a user, or a conversation. */
export type Target = { readonly receiverId: string } | { readonly conversationId: string };

/** A message to send. */
export interface MessageToSend {
  readonly to: Target;
  /** 1–20,000 characters, not blank. */
  readonly content: string;
}

/** A message in the outbox. It never changes: a new state is a new object with the same `key`. */
export interface OutgoingMessage extends MessageToSend {
  /** The idempotency key. It is made once, and identifies the message in the outbox. */
  readonly key: string;
  /** When it was given to `send`, in milliseconds since 1970. */
  readonly createdAt: number;
  /**
   * `pending`: it is being sent, and repeated until there is an answer. `sent`: the service has stored it. `failed`: the
   * service refused it, and `problem` says why; it stays in the outbox until it is retried or discarded.
   */
  readonly state: 'pending' | 'sent' | 'failed';
  readonly problem?: Problem;
  /** The stored message, in the state `sent`. */
  readonly message?: Message;
  /** Resolves to the stored message. Rejects with a `ProblemError` in the state `failed`. */
  readonly sent: Promise<Message>;
}

/**
 * A storage in which the outbox keeps messages across reloads, such as `localStorage`. Each message is an item of its own, so
 * that tabs with the same storage do not overwrite each other's.
 */
export interface OutboxStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The messages that are not sent yet. */
export interface Outbox {
  /** The pending and the failed messages, oldest first. The same array until one of them changes. */
  messages(): readonly OutgoingMessage[];
  /** Calls `listener` with each changed message: a new one, a failed, a retried, and a sent one, which has left. */
  subscribe(listener: (changed: OutgoingMessage) => void): () => void;
  /** Sends a failed message again, with the same key. Does nothing if there is no such failed message. */
  retry(key: string): void;
  /** Removes a failed message. Does nothing if there is no such failed message. */
  discard(key: string): void;
}

/**
 * A message that is older when it is loaded from the storage is not sent automatically. The service deletes idempotency
 * keys, after 30 days by default, and would store the message again.
 */
const MAX_AGE_MS = 7 * 86_400_000;

const TOO_OLD: Problem = {
  type: 'urn:problem:messenger-client:too-old',
  title: 'The message is too old to be sent automatically',
  status: 0,
  detail: 'It waited for a week. It may have been sent.',
};

/** A message as it is kept in the storage. */
interface StoredMessage extends MessageToSend {
  readonly createdAt: number;
  readonly problem?: Problem;
}

interface Entry {
  current: OutgoingMessage;
  resolve: (message: Message) => void;
  reject: (error: unknown) => void;
}

/** An outbox that can send. */
export interface SendingOutbox extends Outbox {
  add(message: MessageToSend): OutgoingMessage;
  /** Stops sending. Pending messages stay in the storage. */
  close(): void;
}

/**
 * The outbox of `userId`. `post` sends a message until the service answers, and rejects with what the service refused, or
 * when its signal aborts. Messages with the same target are sent one after another.
 *
 * Two tabs with the same storage may both send a message that was pending when the second one was opened. They send it with
 * the same key, so the service stores it once; each sends its messages in order, so the order holds, too.
 */
export function makeOutbox(deps: {
  readonly userId: string;
  readonly storage: OutboxStorage | undefined;
  readonly timer: Timer;
  /** The conversation with another user, if it is known. It may become known, and does not change then. */
  readonly conversationWith: (userId: string) => string | undefined;
  readonly post: (message: OutgoingMessage, signal: AbortSignal) => Promise<Message>;
}): SendingOutbox {
  const { userId, timer, post } = deps;
  const prefix = `messenger-outbox/${userId}/`;
  const closing = new AbortController();
  const entries = new Map<string, Entry>();
  const listeners = new Set<(changed: OutgoingMessage) => void>();
  const inFlight = new Set<OutgoingMessage>();
  let list: readonly OutgoingMessage[] | null = null;
  let lastCreatedAt = 0;

  function set(message: Omit<OutgoingMessage, 'sent'>): OutgoingMessage {
    const entry = entries.get(message.key);
    // A promise that has rejected is replaced when the message is retried.
    const isNew = entry === undefined || entry.current.state === 'failed';
    const { promise, resolve, reject } = isNew ? deferred() : { ...entry, promise: entry.current.sent };
    const current = { ...message, sent: promise };
    entries.set(message.key, { current, resolve, reject });
    return current;
  }

  /** Messages with an equal value are sent one after another. */
  function targetOf({ to }: MessageToSend): string {
    if ('conversationId' in to) return `conversation ${to.conversationId}`;
    const known = deps.conversationWith(to.receiverId);
    return known === undefined ? `user ${to.receiverId}` : `conversation ${known}`;
  }

  function changed(message: OutgoingMessage): void {
    list = null;
    for (const listener of [...listeners]) listener(message);
  }

  function store({ key, to, content, createdAt, problem }: OutgoingMessage): void {
    const stored: StoredMessage = { to, content, createdAt, ...(problem && { problem }) };
    ignoreErrors(() => deps.storage?.setItem(prefix + key, JSON.stringify(stored)));
  }

  function remove(key: string): void {
    entries.delete(key);
    ignoreErrors(() => deps.storage?.removeItem(prefix + key));
  }

  /** Sends the oldest pending message of each target that has no message in flight. */
  function sendNext(): void {
    if (closing.signal.aborted) return;
    const taken = new Set([...inFlight].map(targetOf));
    for (const { current } of entries.values()) {
      const target = targetOf(current);
      if (current.state !== 'pending' || taken.has(target)) continue;
      taken.add(target);
      inFlight.add(current);
      void sendOne(current).finally(() => {
        inFlight.delete(current);
        sendNext();
      });
    }
  }

  async function sendOne(pending: OutgoingMessage): Promise<void> {
    const { key } = pending;
    let message: Message;
    try {
      message = await post(pending, closing.signal);
    } catch (error) {
      if (closing.signal.aborted) return;
      const problem = error instanceof ProblemError ? error.problem : bug(error);
      const failed = set({ ...pending, state: 'failed', problem });
      store(failed);
      entries.get(key)?.reject(error);
      changed(failed);
      return;
    }
    const sent = set({ ...pending, state: 'sent', message });
    entries.get(key)?.resolve(message);
    remove(key);
    changed(sent);
  }

  function load(): void {
    const stored: Omit<OutgoingMessage, 'sent'>[] = [];
    ignoreErrors(() => {
      const { storage } = deps;
      for (let index = 0; index < (storage?.length ?? 0); index += 1) {
        const name = storage?.key(index) ?? '';
        if (!name.startsWith(prefix)) continue;
        const message = storedMessageIn(storage?.getItem(name) ?? '');
        if (message === null) continue;
        // A new client has a new token.
        const refusal = message.problem?.status === 401 ? null : message.problem;
        const problem = refusal ?? (timer.now() - message.createdAt > MAX_AGE_MS ? TOO_OLD : null);
        const key = name.slice(prefix.length);
        const { to, content, createdAt } = message;
        const state = problem ? ({ state: 'failed', problem } as const) : ({ state: 'pending' } as const);
        stored.push({ key, to, content, createdAt, ...state });
      }
    });
    for (const message of stored.sort((a, b) => a.createdAt - b.createdAt)) {
      lastCreatedAt = Math.max(lastCreatedAt, message.createdAt);
      const { state, problem } = set(message);
      if (state === 'failed' && problem) entries.get(message.key)?.reject(new ProblemError(problem));
    }
  }

  load();
  sendNext();

  return {
    messages: () => (list ??= [...entries.values()].map(({ current }) => current)),
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    add({ to, content }) {
      // Strictly increasing, so that it is also the order after a reload.
      lastCreatedAt = Math.max(timer.now(), lastCreatedAt + 1);
      const message = set({ key: makeKey(), to, content, createdAt: lastCreatedAt, state: 'pending' });
      store(message);
      changed(message);
      sendNext();
      return message;
    },
    retry(key) {
      const failed = entries.get(key)?.current;
      if (failed?.state !== 'failed') return;
      const { problem: _, ...rest } = failed;
      const pending = set({ ...rest, state: 'pending' });
      store(pending);
      changed(pending);
      sendNext();
    },
    discard(key) {
      const failed = entries.get(key)?.current;
      if (failed?.state !== 'failed') return;
      remove(key);
      changed(failed);
    },
    close: () => {
      closing.abort();
    },
  };
}

function deferred() {
  let resolve!: (message: Message) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Message>((...both) => {
    [resolve, reject] = both;
  });
  // A caller may read the state instead.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A new idempotency key: 128 random bits. `crypto.randomUUID` is missing on pages that were loaded without TLS. */
export function makeKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

function storedMessageIn(text: string): StoredMessage | null {
  try {
    const { to, content, createdAt, problem } = JSON.parse(text) as StoredMessage;
    const isTarget = typeof ('receiverId' in to ? to.receiverId : to.conversationId) === 'string';
    if (!isTarget || typeof content !== 'string' || typeof createdAt !== 'number') return null;
    return { to, content, createdAt, ...(problem && { problem }) };
  } catch {
    return null;
  }
}

/** A storage may be full or forbidden. Messages are then kept in memory only. */
function ignoreErrors(act: () => void): void {
  try {
    act();
  } catch {
    // See above.
  }
}

function bug(error: unknown): Problem {
  return { type: 'about:blank', title: 'The message could not be sent', status: 0, detail: String(error) };
}
