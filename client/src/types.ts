import type { components } from './schema.ts';

/*
 * What the service sends. The shapes are those of openapi.json; members of features that a service may not have yet are
 * optional here.
 */

type Schemas = components['schemas'];

/** A message. `content` is null once it is deleted. `receiver_id` is null in a group. */
export type Message = Omit<Schemas['Message'], 'content' | 'receiver_id'> & {
  readonly content: string | null;
  readonly receiver_id: string | null;
  readonly edited_at?: string | null;
  readonly deleted_at?: string | null;
};

/** One conversation of an inbox. `other_user_id` and `participant_ids` are null for a group, which may have a name. */
export type InboxEntry = Omit<Schemas['InboxRow'], 'other_user_id' | 'participant_ids'> & {
  readonly other_user_id: string | null;
  readonly participant_ids: readonly string[] | null;
  readonly name?: string | null;
};

/** A conversation. `read_positions` is null for a group. */
export type Conversation = Omit<Schemas['Conversation'], 'participant_ids' | 'read_positions'> & {
  readonly participant_ids: readonly string[];
  readonly read_positions: Schemas['Conversation']['read_positions'] | null;
  readonly name?: string | null;
};

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
