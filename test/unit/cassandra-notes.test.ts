import { describe, expect, it } from 'vitest';
import { Notes } from '../../src/adapters/cassandra/notes.ts';
import type { ConversationId, MessageId } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';

const CONVERSATION = '6f1c2f6e-6a53-5b0e-9d5e-0c7a3f1b8d24' as ConversationId;
const MINUTE = 60_000_000;
const DAY = 24 * 60 * MINUTE;
/** Where a slot begins at every level, and a bucket. */
const START = 30 * DAY * 690;
const at = (microseconds: number): MessageId => messageIdAt(START + microseconds, 0, '0'.repeat(13));

describe('the notes of what was written', () => {
  it('leave nothing out of the first message', () => {
    expect(new Notes().missing(CONVERSATION, at(0))).toEqual({ conversation: true, levels: [0, 1, 2, 3] });
  });

  it.each([
    ['in the same ten minutes', 5 * MINUTE, [0], false],
    ['in the next ten minutes', 11 * MINUTE, [0, 1], false],
    ['in the next half-day', 13 * 60 * MINUTE, [0, 1, 2], false],
    ['in the next bucket', 31 * DAY, [0, 1, 2, 3], true],
  ])('leave out of a message %s what its slots hold already', (_, later, levels, conversation) => {
    const notes = new Notes();
    notes.note(CONVERSATION, at(0));
    expect(notes.missing(CONVERSATION, at(later))).toEqual({ conversation, levels });
  });

  it('have the conversation written again by a message that is earlier than its beginning', () => {
    const notes = new Notes();
    notes.note(CONVERSATION, at(2));
    notes.note(CONVERSATION, at(3));
    expect(notes.missing(CONVERSATION, at(1)).conversation).toBe(true);
    notes.note(CONVERSATION, at(1));
    expect(notes.missing(CONVERSATION, at(1)).conversation).toBe(false);
  });

  it('of one conversation say nothing of another', () => {
    const notes = new Notes();
    notes.note(CONVERSATION, at(0));
    const other = CONVERSATION.replace('6', '7') as ConversationId;
    expect(notes.missing(other, at(0)).conversation).toBe(true);
  });
});
