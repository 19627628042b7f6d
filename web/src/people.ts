import type { Conversation, InboxEntry } from 'cassandra-messenger-client';

/** Names of users by id. */
export type Names = Readonly<Record<string, string>>;

/** The name of a user, or the id if they have saved none. */
export function nameOf(userId: string, names: Names): string {
  return names[userId] ?? userId;
}

/** The title of a conversation: its name, or the names of the others. */
export function titleOf(
  conversation: Pick<InboxEntry | Conversation, 'name' | 'participant_ids'>,
  userId: string,
  names: Names,
): string {
  if (conversation.name) return conversation.name;
  const others = (conversation.participant_ids ?? []).filter((id) => id !== userId);
  if (conversation.participant_ids === null) return 'Group';
  if (others.length === 0) return `${nameOf(userId, names)} (you)`;
  return others.map((id) => nameOf(id, names)).join(', ');
}

/** The id and the name of an avatar for a conversation: those of the other user, or of the group. */
export function avatarOf(
  conversation: Pick<InboxEntry | Conversation, 'id' | 'name' | 'participant_ids'>,
  userId: string,
  names: Names,
): { readonly id: string; readonly name: string } {
  const { id, participant_ids: ids } = conversation;
  if (ids === null || ids.length > 2 || conversation.name) {
    return { id, name: titleOf(conversation, userId, names) };
  }
  const other = ids.find((one) => one !== userId) ?? userId;
  return { id: other, name: nameOf(other, names) };
}

/** Whether a conversation is with oneself alone. */
export function isNotes(
  { participant_ids: ids }: Pick<InboxEntry, 'participant_ids'>,
  userId: string,
): boolean {
  return ids?.every((id) => id === userId) ?? false;
}

/** One or two initials of a name. */
export function initialsOf(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? ['?'];
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('');
}

/** The number of colours of avatars in the style sheet. */
const COLORS = 8;

/** The colour of a user, from 0: the same one everywhere. */
export function colorOf(id: string): number {
  let hash = 0;
  for (const letter of id) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return hash % COLORS;
}

/** The rule for user ids. Any id that follows it can be written to. */
export const USER_ID = /^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,64}$/;
