import type { GroupProfile, InboxEntry, Participants } from './conversation.ts';
import type { ConversationId, EventId, Position, UserId } from './ids.ts';
import { isLongerThan, isText, type Message } from './message.ts';
import { Refusal } from './refusal.ts';

/** The maximum number of members of a group. It has at least three when it is created. */
export const MAX_GROUP_SIZE = 256;

/** The maximum length of a group's name in code points. */
export const MAX_GROUP_NAME_LENGTH = 100;

/**
 * When a user belongs to a group: after the event `joined` and before the event `left`. A message belongs to it by its
 * id, so every reader comes to the same result. A user who leaves and joins again has the later membership only.
 */
export interface Membership {
  readonly joined: EventId;
  /** Null while the user is a member. */
  readonly left: EventId | null;
}

/** A membership of one user, with what this user may know of the group after leaving. */
export interface OwnMembership extends Membership {
  /** The name of the group at leaving; null if it had none, and for a member. */
  readonly nameAtLeaving: string | null;
}

/** A member or a former member of a group. */
export interface Member extends Membership {
  readonly userId: UserId;
}

/** A group: its profile, its members and those who left last. */
export interface Roster extends GroupProfile {
  readonly id: ConversationId;
  /** The event of its creation, which is the event of joining of its first members. */
  readonly created: EventId;
  /** The latest event of joining and leaving. */
  readonly changed: EventId;
  readonly members: readonly Member[];
}

/** Whether a membership covers `position`: a message or an event with this id is for the user. */
export function coversPosition({ joined, left }: Membership, position: Position): boolean {
  return joined < position && (left === null || position < left);
}

/**
 * Whether the change `changeId` of the message `messageId` is for the user, who has the message and had not left before.
 * The event of joining does not matter: it may be above the change, if the clocks of two processes differ.
 */
export function coversChange(membership: Membership, messageId: Position, changeId: Position): boolean {
  const { left } = membership;
  return coversPosition(membership, messageId) && (left === null || changeId < left);
}

/** The current members of a group. */
export function participantsIn({ members }: Pick<Roster, 'members'>): Participants {
  return members.flatMap(({ userId, left }) => (left === null ? [userId] : [])).sort();
}

/** `entry` of an inbox with the membership of its owner: at the position of leaving at most. */
export function atMembership<Entry extends Pick<InboxEntry, 'lastEventId'>>(
  entry: Entry,
  membership: OwnMembership,
): Entry & { readonly membership: OwnMembership } {
  const { left } = membership;
  const lastEventId = left !== null && left < entry.lastEventId ? left : entry.lastEventId;
  return { ...entry, membership, lastEventId };
}

/** The users of `members` whose membership covers `position`. */
export function membersAt(members: readonly Member[], position: Position): Participants {
  return members
    .filter((member) => coversPosition(member, position))
    .map(({ userId }) => userId)
    .sort();
}

/**
 * `message` as a member may see it; null if the membership does not cover it. One who has left sees a later deletion, but
 * no later content: an edited message has none then.
 */
export function messageForMember(message: Message, membership: Membership | null): Message | null {
  if (membership === null) return message;
  if (!coversPosition(membership, message.id)) return null;
  const { left } = membership;
  const isLaterContent = left !== null && message.editId !== null && message.editId >= left;
  return isLaterContent ? { ...message, content: null, editId: null } : message;
}

/** The body of a request that creates a group, to compare requests with the same key. No message has the same body. */
export function groupRequestBody({
  name,
  participants,
}: {
  readonly name: string | null;
  readonly participants: Participants;
}): string {
  // No user id contains a line break or a slash, so different bodies give different texts.
  return `group/\n${participants.join('\n')}\n\n${name ?? ''}`;
}

/** Throws a `Refusal` if a group can't have so many members. */
export function requireGroupSize(size: number): void {
  if (size > MAX_GROUP_SIZE) {
    throw new Refusal('group_too_large', `A group has at most ${MAX_GROUP_SIZE} members.`);
  }
}

/** Returns `name` if it is a valid name of a group. Throws a `Refusal` if it is blank, too long or not storable text. */
export function composeGroupName(name: string): string {
  if (!isText(name)) {
    throw new Refusal('group_name_not_text', 'The name contains a NUL or an unpaired surrogate.');
  }
  if (name.trim() === '') throw new Refusal('group_name_blank', 'The name is blank.');
  if (isLongerThan(name, MAX_GROUP_NAME_LENGTH)) {
    throw new Refusal('group_name_too_long', `The name is longer than ${MAX_GROUP_NAME_LENGTH} characters.`);
  }
  return name;
}
