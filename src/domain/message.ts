import type { ConversationId, MessageId, UserId } from './ids.ts';
import { Refusal } from './refusal.ts';

/** One message. It never changes; its time is its id's (see `timestampOf`). */
export interface Message {
  readonly id: MessageId;
  readonly conversationId: ConversationId;
  readonly senderId: UserId;
  readonly receiverId: UserId;
  /** 1–20,000 code points, kept to the byte. */
  readonly content: string;
}

/** The most code points that a message may hold; the limit of Facebook's Messenger. */
export const MAX_CONTENT_LENGTH = 20_000;

/** The most bytes of a message's content: a code point has at most four in UTF-8. */
export const MAX_CONTENT_BYTES = 4 * MAX_CONTENT_LENGTH;

/** The most code points of a message that an inbox shows. */
export const MAX_PREVIEW_LENGTH = 140;

/** A message whose content has been found fit. Refuses what is blank, too long, or not text that can be kept. */
export function composeMessage(message: Message): Message {
  const { content } = message;
  if (!isText(content)) {
    throw new Refusal('content_not_text', 'The content holds a NUL or half of a surrogate pair.');
  }
  if (content.trim() === '') throw new Refusal('content_blank', 'The content is blank.');
  if (isLongerThan(content, MAX_CONTENT_LENGTH)) {
    throw new Refusal('content_too_long', `The content is longer than ${MAX_CONTENT_LENGTH} characters.`);
  }
  return message;
}

/** Whether every storage and every client can keep `text` as it is: well-formed Unicode without NUL. */
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

/** The bytes of `content` in UTF-8, counted without encoding it. */
export function contentBytesOf({ content }: Pick<Message, 'content'>): number {
  // Most texts are short or plain, so an upper bound of three bytes a code unit is not enough here.
  let bytes = content.length;
  for (let index = 0; index < content.length; index += 1) {
    const unit = content.charCodeAt(index);
    if (unit < 0x80) continue;
    // Either half of a surrogate pair makes two of its four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * The beginning of `content`, of at most 140 code points, cut between graphemes: a family, a flag or an accent
 * is never shown by half, unless the first grapheme alone is longer than that.
 */
export function previewOf(content: string): string {
  if (!isLongerThan(content, MAX_PREVIEW_LENGTH)) return content;
  let end = 0;
  let length = 0;
  // Enough code units for the preview and the grapheme that crosses its end.
  for (const { segment } of graphemes.segment(content.slice(0, 4 * MAX_PREVIEW_LENGTH))) {
    length += [...segment].length;
    if (length > MAX_PREVIEW_LENGTH) break;
    end += segment.length;
  }
  return end > 0
    ? content.slice(0, end)
    : [...content.slice(0, 2 * MAX_PREVIEW_LENGTH)].slice(0, MAX_PREVIEW_LENGTH).join('');
}
