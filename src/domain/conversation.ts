import type { ConversationId, MessageId, Position, UserId } from './ids.ts';

/** Who belongs to a conversation: distinct, in ascending order, so that nobody changes places after a reply. */
export type Participants = readonly UserId[];

/** A conversation without what was said in it. */
export interface Conversation {
  readonly id: ConversationId;
  readonly participants: Participants;
  /** The id of what began it: its first message, or the act of starting it. The earliest wins. */
  readonly created: MessageId;
}

/** The newest message of a conversation as an inbox shows it. */
export interface Head {
  readonly messageId: MessageId;
  readonly senderId: UserId;
  /** At most 140 code points of the content, see `previewOf`. */
  readonly preview: string;
}

/** One conversation as it stands in one user's inbox. */
export type InboxEntry = {
  readonly conversationId: ConversationId;
  readonly participants: Participants;
} & (
  | { readonly head: Head }
  /** An empty conversation stands at its creation. */
  | { readonly head: null; readonly created: MessageId }
);

/** The participants of the conversation among `users`; one alone writes notes to themselves. */
export function participantsOf(...users: readonly UserId[]): Participants {
  return [...new Set(users)].sort();
}

/**
 * The text that stands for the conversation between `participants`, and for no other: a line break joins the
 * ids, and no id may hold one.
 */
export function identityOf(participants: Participants): string {
  return participants.join('\n');
}

/** The other one in a conversation of two; oneself in a note to oneself. */
export function otherThan(userId: UserId, participants: Participants): UserId {
  return participants.find((participant) => participant !== userId) ?? userId;
}

/** Where `entry` stands in the inbox: at its newest message, or at its creation while there is none. */
export function positionOf(entry: InboxEntry): Position {
  return entry.head === null ? entry.created : entry.head.messageId;
}
