import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import {
  composeMessage,
  MAX_CONTENT_LENGTH,
  MAX_PREVIEW_LENGTH,
  previewOf,
  type SentMessage,
} from '../../src/domain/message.ts';
import type { RefusalCode } from '../../src/domain/refusal.ts';
import { messageIdAt } from '../../src/domain/time.ts';

function messageOf(content: string): SentMessage {
  return {
    id: messageIdAt(0, 0, '0'.repeat(13)),
    conversationId: '018f0000-0000-5000-8000-000000000000' as ConversationId,
    senderId: 'a' as UserId,
    receiverId: 'b' as UserId,
    content,
    editId: null,
    deletionId: null,
  };
}

describe('content', () => {
  test.each([
    ['one character', '.'],
    ['surrounding white space, which is kept', ' \n a \t '],
    ['20,000 characters', 'x'.repeat(MAX_CONTENT_LENGTH)],
    ['20,000 characters that are two code units each', '😀'.repeat(MAX_CONTENT_LENGTH)],
    ['control characters', 'a\x01\x1b\x7f\u0085'],
    ['decomposed letters', 'e\u0301'],
    ['text from right to left', '\u202eשלום'],
    ['a replacement character', '\ufffd'],
    ['a noncharacter', '\uffff'],
  ])('may be %s', (_, content) => {
    expect(composeMessage(messageOf(content))).toEqual(messageOf(content));
  });

  test.each<[string, string, RefusalCode]>([
    ['nothing', '', 'content_blank'],
    ['white space', ' \t\r\n\u00a0\u2003\u3000\ufeff', 'content_blank'],
    ['20,001 characters', 'x'.repeat(MAX_CONTENT_LENGTH + 1), 'content_too_long'],
    [
      '20,001 characters that are two code units each',
      '😀'.repeat(MAX_CONTENT_LENGTH + 1),
      'content_too_long',
    ],
    ['20,001 characters of both kinds', 'x'.repeat(MAX_CONTENT_LENGTH) + '😀', 'content_too_long'],
    ['text with a NUL', 'a\0b', 'content_not_text'],
    ['the first half of a pair', 'a\ud83d', 'content_not_text'],
    ['the second half of a pair', '\ude00a', 'content_not_text'],
    ['a pair in the wrong order', '\ude00\ud83d', 'content_not_text'],
  ])('may not be %s', (_, content, code) => {
    expect(() => composeMessage(messageOf(content))).toThrow(expect.objectContaining({ code }));
  });

  test('is never quoted in a refusal', () => {
    expect(() => composeMessage(messageOf('secret\0'))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });
});

const FAMILY = '👨‍👩‍👧‍👦';
const FLAG = '🇩🇪';
const ACCENTED = 'e\u0301';
const SKIN = '👍🏽';
const HANGUL = '\u1112\u1161\u11ab';
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

describe('a preview', () => {
  test.each([
    ['short text', 'Hello'],
    ['text of 140 characters', 'x'.repeat(MAX_PREVIEW_LENGTH)],
    ['140 characters of two code units each', '😀'.repeat(MAX_PREVIEW_LENGTH)],
    ['20 families of 7 characters each', FAMILY.repeat(20)],
  ])('is all of %s', (_, content) => {
    expect(previewOf(content)).toBe(content);
  });

  test.each([
    ['between letters', 'x'.repeat(141), 'x'.repeat(140)],
    ['between pairs', '😀'.repeat(141), '😀'.repeat(140)],
    ['before a family that does not fit', 'x'.repeat(134) + FAMILY + '!', 'x'.repeat(134)],
    ['after a family that just fits', 'x'.repeat(133) + FAMILY + '!', 'x'.repeat(133) + FAMILY],
    ['before a flag', 'x'.repeat(139) + FLAG, 'x'.repeat(139)],
    ['between flags, which are pairs from the start', 'x' + FLAG.repeat(70), 'x' + FLAG.repeat(69)],
    ['before a letter with its accent', 'x'.repeat(139) + ACCENTED, 'x'.repeat(139)],
    ['before a thumb with its colour', 'x'.repeat(139) + SKIN, 'x'.repeat(139)],
    ['before a syllable', 'x'.repeat(138) + HANGUL, 'x'.repeat(138)],
    ['before a CR LF', 'x'.repeat(139) + '\r\n', 'x'.repeat(139)],
    ['before a letter with more accents than a preview has room', `x${'e' + '\u0301'.repeat(1000)}`, 'x'],
    ['before a family that is cut by the end of what is looked at', 'x' + `👩${'‍👩'.repeat(300)}`, 'x'],
    ['inside a first grapheme that alone is longer', `e${'\u0301'.repeat(200)}`, `e${'\u0301'.repeat(139)}`],
    [
      'inside one that is longer than the inspected text',
      `👩${'‍👩'.repeat(9000)}`,
      `👩${'‍👩'.repeat(69)}‍`,
    ],
  ])('is cut %s', (_, content, preview) => {
    expect(previewOf(content)).toBe(preview);
  });

  test('has as many whole graphemes as fit', () => {
    const pieces = fc.constantFrom(
      'x',
      ' ',
      '😀',
      FAMILY,
      FLAG,
      '🇫',
      ACCENTED,
      '\u0301',
      SKIN,
      HANGUL,
      '\r\n',
      '\u200d',
    );
    const contents = fc.string({ unit: pieces, minLength: 30, maxLength: 200 });
    fc.assert(
      fc.property(contents, (content) => {
        const preview = previewOf(content);
        expect(content.startsWith(preview)).toBe(true);
        expect([...preview].length).toBeLessThanOrEqual(MAX_PREVIEW_LENGTH);
        expect(preview.isWellFormed()).toBe(true);

        const segments = [...graphemes.segment(content)].map(({ segment }) => segment);
        const [first = ''] = segments;
        if ([...first].length > MAX_PREVIEW_LENGTH) return;
        const ends = new Set([0]);
        let length = 0;
        for (const segment of segments) ends.add((length += segment.length));
        expect(ends).toContain(preview.length);
        const next = segments.find((_, index) => segments.slice(0, index).join('').length === preview.length);
        if (next !== undefined) expect([...preview, ...next].length).toBeGreaterThan(MAX_PREVIEW_LENGTH);
      }),
      { numRuns: 500 },
    );
  });

  test.each(['plain', 'with a first grapheme that is cut'])(
    'does not keep the content in memory: %s',
    (kind) => {
      v8.setFlagsFromString('--expose-gc');
      const collectGarbage = runInNewContext('gc') as () => void;
      const usedMb = (): number => {
        collectGarbage();
        return process.memoryUsage().heapUsed / 2 ** 20;
      };
      const before = usedMb();
      const previews = Array.from({ length: 1_000 }, (_, n) =>
        previewOf(`${n}${kind === 'plain' ? '' : 'e' + '\u0301'.repeat(300)}${'字'.repeat(20_000)}`),
      );
      // The contents take 38 MB.
      expect(usedMb() - before).toBeLessThan(10);
      expect(previews).toHaveLength(1_000);
    },
  );
});
