/** A part of a text: plain, or a link. */
export interface TextPart {
  readonly text: string;
  readonly isLink: boolean;
}

/** A web address. Punctuation at its end belongs to the sentence. */
const LINK = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]']/g;

/** Splits a text at its web addresses. */
export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push({ text: text.slice(end, match.index), isLink: false }, { text: match[0], isLink: true });
    end = match.index + match[0].length;
  }
  parts.push({ text: text.slice(end), isLink: false });
  return parts.filter((part) => part.text !== '');
}

const FEW_EMOJI =
  /^(?:(?:\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier}|\u200D\p{Extended_Pictographic})*|\p{Regional_Indicator}{2})\s*){1,3}$/u;

/** Whether a text is one to three emoji, which are shown large. */
export function isEmojiOnly(text: string): boolean {
  return FEW_EMOJI.test(text);
}
