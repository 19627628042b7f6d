import type { ConversationId, EventId, MessageId, UserId } from './ids.ts';
import { Refusal } from './refusal.ts';

/** One message, as it is after its edits and its deletion. Its id contains its time (see `timestampOf`). */
export interface Message {
  readonly id: MessageId;
  readonly conversationId: ConversationId;
  readonly senderId: UserId;
  /** Null in a group. */
  readonly receiverId: UserId | null;
  /** 1–20,000 code points, returned byte for byte. Null if the message is deleted, or was edited after its reader left. */
  readonly content: string | null;
  /** The last edit; its id contains its time. Null if the message was not edited, or is deleted. */
  readonly editId: EventId | null;
  /** The deletion; its id contains its time. Null if the message is not deleted. */
  readonly deletionId: EventId | null;
}

/** A message as it is sent: neither edited nor deleted. */
export interface SentMessage extends Message {
  readonly content: string;
  readonly editId: null;
  readonly deletionId: null;
}

/** The body of a send, to compare requests with the same idempotency key. */
export function messageBody({
  receiverId,
  conversationId,
  content,
}: Pick<Message, 'receiverId' | 'conversationId' | 'content'>): string {
  // No user id contains a line break or a slash, so different bodies give different texts.
  return `${receiverId ?? `group/${conversationId}`}\n${content ?? ''}`;
}

/** The maximum length of a message in code points; the same limit as in Facebook's Messenger. */
export const MAX_CONTENT_LENGTH = 20_000;

/** The maximum size of a message's content in bytes: a code point has at most four in UTF-8. */
export const MAX_CONTENT_BYTES = 4 * MAX_CONTENT_LENGTH;

/** The maximum length of a message preview in an inbox, in code points. */
export const MAX_PREVIEW_LENGTH = 140;

/** A new message. Throws a `Refusal` if its content is invalid (see `requireContent`). */
export function composeMessage(message: Omit<SentMessage, 'editId' | 'deletionId'>): SentMessage {
  requireContent(message.content);
  return { ...message, editId: null, deletionId: null };
}

/** Throws a `Refusal` if `content` is blank, too long or not storable text. */
export function requireContent(content: string): void {
  if (!isText(content)) {
    throw new Refusal('content_not_text', 'The content contains a NUL or an unpaired surrogate.');
  }
  if (content.trim() === '') throw new Refusal('content_blank', 'The content is blank.');
  if (isLongerThan(content, MAX_CONTENT_LENGTH)) {
    throw new Refusal('content_too_long', `The content is longer than ${MAX_CONTENT_LENGTH} characters.`);
  }
}

/** `message` after an edit. The edit with the largest id wins, in any order; a deleted message stays deleted. */
export function withEdit(message: Message, editId: EventId, content: string): Message {
  if (message.deletionId !== null || (message.editId !== null && message.editId >= editId)) return message;
  return { ...message, content, editId };
}

/** `message` after a deletion, without content. Of several deletions the earliest wins. */
export function withDeletion(message: Message, deletionId: EventId): Message {
  const earliest =
    message.deletionId !== null && message.deletionId < deletionId ? message.deletionId : deletionId;
  return { ...message, content: null, editId: null, deletionId: earliest };
}

/** Whether every storage and client can keep `text` unchanged: well-formed Unicode without NUL. */
export function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Whether `text` has more than `limit` code points. */
export function isLongerThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  if (text.length > 2 * limit) return true;
  let length = 0;
  for (const _ of text) length += 1;
  return length > limit;
}

/** The size of `content` in bytes of UTF-8, counted without encoding it; 0 if there is none. */
export function contentBytesOf({ content }: Pick<Message, 'content'>): number {
  if (content === null) return 0;
  // Most texts are ASCII or nearly so: an upper bound of three bytes per code unit would overestimate them.
  let bytes = content.length;
  for (let index = 0; index < content.length; index += 1) {
    const unit = content.charCodeAt(index);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair counts for two of the pair's four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * The first 140 code points of `content` at most, cut between graphemes, so that a flag or an accented letter is not
 * split. A first grapheme of more than 140 code points is cut at 140.
 */
export function previewOf(content: string): string {
  if (!isLongerThan(content, MAX_PREVIEW_LENGTH)) return content;
  let end = 0;
  let length = 0;
  // This slice is long enough for the preview and the grapheme that crosses its end.
  for (const { segment } of graphemes.segment(content.slice(0, 4 * MAX_PREVIEW_LENGTH))) {
    length += [...segment].length;
    if (length > MAX_PREVIEW_LENGTH) break;
    end += segment.length;
  }
  const start = content.slice(0, end > 0 ? end : 2 * MAX_PREVIEW_LENGTH);
  // A copy of the code points, because a slice keeps the whole content in memory.
  return [...start].slice(0, MAX_PREVIEW_LENGTH).join('');
}
