import type { Message, Problem } from './types.ts';

/** To whom a message goes: a user, or a conversation. */
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
 * Where the outbox keeps messages across reloads; `localStorage` is one. Each message is an item of its own, so that tabs
 * with the same storage do not overwrite each other's.
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
