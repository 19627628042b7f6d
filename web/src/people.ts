import type { Conversation, InboxEntry } from 'cassandra-messenger-client';

/** Names of users by id. */
export type Names = Readonly<Record<string, string>>;

/** The name of a user, or the id if they have saved none. */
export function nameOf(userId: string, names: Names): string {
  return names[userId] ?? userId;
}

/** Whether a conversation is a group. Only entries of the inbox have no list of participants for groups. */
export function isGroup(
  conversation: Pick<InboxEntry, 'participant_ids'> | Pick<Conversation, 'creator_id'>,
): boolean {
  return 'creator_id' in conversation
    ? conversation.creator_id !== null
    : conversation.participant_ids === null;
}

/** How many names of others a title has at most. */
const MAX_TITLE_NAMES = 3;

/** The title of a conversation: its name, or the names of the others. */
export function titleOf(
  conversation:
    | Pick<InboxEntry, 'name' | 'participant_ids'>
    | Pick<Conversation, 'name' | 'participant_ids' | 'creator_id'>,
  userId: string,
  names: Names,
): string {
  if (conversation.name) return conversation.name;
  const others = (conversation.participant_ids ?? []).filter((id) => id !== userId);
  if (conversation.participant_ids === null) return 'Group';
  if (others.length === 0 && 'creator_id' in conversation && isGroup(conversation)) return 'Group';
  if (others.length === 0) return `${nameOf(userId, names)} (you)`;
  const shown = others.slice(0, others.length > MAX_TITLE_NAMES + 1 ? MAX_TITLE_NAMES : undefined);
  const rest = others.length - shown.length;
  return shown.map((id) => nameOf(id, names)).join(', ') + (rest > 0 ? ` and ${rest} others` : '');
}

/** The id and the name of an avatar for a conversation: those of the other user, or of the group. */
export function avatarOf(
  conversation:
    | Pick<InboxEntry, 'id' | 'name' | 'participant_ids'>
    | Pick<Conversation, 'id' | 'name' | 'participant_ids' | 'creator_id'>,
  userId: string,
  names: Names,
): { readonly id: string; readonly name: string } {
  const { id, participant_ids: ids } = conversation;
  if (ids === null || ids.length > 2 || conversation.name) {
    return { id, name: conversation.name ?? 'Group' };
  }
  const other = ids.find((one) => one !== userId) ?? userId;
  return { id: other, name: nameOf(other, names) };
}

/** Whether a conversation is with oneself. */
export function isWithOneself(
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

/** How many known people are suggested. */
const SUGGESTIONS = 6;

/** People of the inbox whose name or id contains the text, and `ownId`. */
export function suggestionsFor(
  query: string,
  entries: readonly InboxEntry[],
  names: Names,
  ownId?: string,
): readonly string[] {
  const ids = new Set(entries.flatMap((entry) => entry.participant_ids ?? []));
  if (ownId !== undefined) ids.add(ownId);
  const wanted = query.toLowerCase();
  return [...ids]
    .filter((id) => id.toLowerCase().includes(wanted) || nameOf(id, names).toLowerCase().includes(wanted))
    .slice(0, SUGGESTIONS);
}
