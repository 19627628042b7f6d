import type { ConversationId, EventId, MessageId, UserId } from './ids.ts';

/** Who belongs to a conversation: distinct, in ascending order, so that nobody changes places after a reply. */
export type Participants = readonly UserId[];

/** A conversation without its messages. */
export interface Conversation {
  readonly id: ConversationId;
  readonly participants: Participants;
  /** The id of what began it: its first message, or the act of starting it. The earliest wins. */
  readonly created: EventId;
}

/** A message as an inbox shows it. */
export interface LastMessage {
  readonly messageId: MessageId;
  readonly senderId: UserId;
  /** At most 140 code points of the content, see `previewOf`. */
  readonly preview: string;
}

/** One conversation as one user's inbox lists it. */
export interface InboxEntry {
  readonly conversationId: ConversationId;
  readonly participants: Participants;
  /**
   * The conversation's last event, which is its place in the inbox: that of its last message, or of its start while
   * it is empty. It is the message's id, unless the message became visible late (see `isLate`).
   */
  readonly lastEventId: EventId;
  /** The message that arrived last; null while the conversation is empty. */
  readonly lastMessage: LastMessage | null;
  /** How far the owner of the inbox has read, see `ReadPosition`. */
  readonly readUpTo: EventId | null;
}

/** The participants of the conversation among `users`; one alone writes notes to themselves. */
export function participantsOf(...users: readonly UserId[]): Participants {
  return [...new Set(users)].sort();
}

/**
 * The text that stands for the conversation between `participants`, and for no other: a line break joins the
 * ids, and no id may hold one.
 */
export function conversationKey(participants: Participants): string {
  return participants.join('\n');
}

/** The other participant in a conversation of two; oneself in a note to oneself. */
export function otherParticipant(userId: UserId, participants: Participants): UserId {
  return participants.find((participant) => participant !== userId) ?? userId;
}
