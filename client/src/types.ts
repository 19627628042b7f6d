import type { components } from './schema.ts';

/*
 * What the service sends. The shapes are those of openapi.json.
 */

type Schemas = components['schemas'];

/** A message. `content` is null once it is deleted. `receiver_id` is null in a group. */
export type Message = Schemas['Message'];

/**
 * One conversation of an inbox. For a group `other_user_id` and `participant_ids` are null. A group that the user has left
 * stays in the inbox and has `left_at`.
 */
export type InboxEntry = Schemas['InboxRow'];

/**
 * A conversation. Two participants at most have no `creator_id`; `read_positions` is null for a group. In a group that the
 * user has left, `participant_ids` does not contain the user.
 */
export type Conversation = Schemas['Conversation'];

/** How far a user has read a conversation. */
export type ReadPosition = Schemas['ReadPosition'];

/** A user with a name. */
export type User = Schemas['User'];

/** An error as a problem document (RFC 9457). Programs can rely on `type`, which is a URN, and `status`. */
export type Problem = Omit<Schemas['Problem'], 'type' | 'instance'> & {
  readonly type: string;
  readonly instance?: string;
};

/** One page of a list. `next_cursor` is null on the last page. */
export interface Page<Item> {
  readonly data: readonly Item[];
  readonly limit: number;
  readonly next_cursor: string | null;
}

interface EventOf<Type extends string, Data> {
  /** A UUIDv7. A repeated event has the same id. As text, ids sort in the order of the events. */
  readonly id: string;
  readonly type: Type;
  /** The time in the id, RFC 3339 with nine fractional digits. */
  readonly timestamp: string;
  readonly data: Data;
}

/** An event of a type that this client knows. */
export type KnownEvent =
  | EventOf<'message.created' | 'message.edited', Message>
  | EventOf<'message.deleted', { readonly conversation_id: string; readonly message_id: string }>
  | EventOf<'conversation.created' | 'conversation.updated', Conversation>
  | EventOf<'conversation.read', ReadPosition>;

const KNOWN_TYPES: readonly string[] = [
  'message.created',
  'message.edited',
  'message.deleted',
  'conversation.created',
  'conversation.updated',
  'conversation.read',
] satisfies KnownEvent['type'][];

/** Whether `event` has a type that this client knows. Events of other types are ignored. */
export function isKnownEvent(event: unknown): event is KnownEvent {
  const { id, type } = (event ?? {}) as Record<string, unknown>;
  return typeof id === 'string' && typeof type === 'string' && KNOWN_TYPES.includes(type);
}
