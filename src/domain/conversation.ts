import type { OwnMembership } from './group.ts';
import type { ConversationId, EventId, MessageId, UserId } from './ids.ts';
import { previewOf, type Message } from './message.ts';

/** The participants of a conversation: distinct and in ascending order, so a reply does not change their order. */
export type Participants = readonly UserId[];

/** The properties that only a group has. */
export interface GroupProfile {
  /** 1–100 code points; null if the group has no name. */
  readonly name: string | null;
  /** The user who created the group. While a member, this user may remove others. */
  readonly creatorId: UserId;
}

/** A conversation without its messages. */
export interface Conversation {
  readonly id: ConversationId;
  readonly participants: Participants;
  /** The id of the first message, or of the start of an empty conversation. The earliest id wins. */
  readonly created: EventId;
  /** Absent in a conversation of two. In a group `participants` are its current members. */
  readonly group?: GroupProfile;
}

/** A message as an inbox shows it. */
export interface LastMessage {
  readonly messageId: MessageId;
  readonly senderId: UserId;
  /** At most 140 code points of the content, see `previewOf`; null if the message is deleted. */
  readonly preview: string | null;
}

/** `message` as an inbox shows it. */
export function lastMessageOf({ id, senderId, content }: Message): LastMessage {
  return { messageId: id, senderId, preview: content === null ? null : previewOf(content) };
}

/** One conversation as one user's inbox lists it. */
export interface InboxEntry {
  readonly conversationId: ConversationId;
  /** Empty in a group: an inbox does not repeat its members. */
  readonly participants: Participants;
  /** The membership of the inbox's owner in a group. Absent in a conversation of two. */
  readonly membership?: OwnMembership;
  /**
   * The conversation's last event, which is its position in the inbox: the event of its last message, or of its start
   * while it is empty. It equals the message's id, unless the message became visible late (see `isLate`). For a user who
   * has left a group it is at most the id of leaving.
   */
  readonly lastEventId: EventId;
  /** The message that arrived last; null while the conversation is empty. */
  readonly lastMessage: LastMessage | null;
  /** How far the owner of the inbox has read, see `ReadPosition`. */
  readonly readUpTo: EventId | null;
}

/** The participants of the conversation of `users`. A single user has a conversation with oneself. */
export function participantsOf(...users: readonly UserId[]): Participants {
  return [...new Set(users)].sort();
}

/**
 * The key of the conversation between `participants`. It is unique: a line break joins the ids, and an id can't
 * contain one.
 */
export function conversationKey(participants: Participants): string {
  return participants.join('\n');
}

/** The other participant in a conversation of two; the user's own id in a conversation with oneself. */
export function otherParticipant(userId: UserId, participants: Participants): UserId {
  return participants.find((participant) => participant !== userId) ?? userId;
}
