import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { cursorAt, positionFromCursor, type List } from '../../src/adapters/http/cursors.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';

const position = fc
  .record({
    time: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    thousandth: fc.nat(999),
    tail: fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }).map((bits) => bits.toString(16).padStart(13, '0')),
  })
  .map(({ time, thousandth, tail }) => messageIdAt(time, thousandth, tail));

const list = fc.oneof(
  fc.uuid().map((id): List => ({ kind: 'history', of: id as ConversationId })),
  fc.stringMatching(/^[A-Za-z0-9._:@-]{3,64}$/).map((id): List => ({ kind: 'inbox', of: id as UserId })),
);

describe('a cursor', () => {
  test('has 28 characters that encode its position, for its list only', () => {
    fc.assert(
      fc.property(list, list, position, (own, other, place) => {
        const cursor = cursorAt(own, place);
        assert.match(cursor, /^[A-Za-z0-9_-]{28}$/);
        assert.equal(positionFromCursor(own, cursor), place);
        if (own.of !== other.of) assert.equal(positionFromCursor(other, cursor), null);
      }),
    );
  });

  test('of a user whose id equals a conversation id is invalid for the conversation', () => {
    fc.assert(
      fc.property(fc.uuid(), position, (id, place) => {
        const cursor = cursorAt({ kind: 'inbox', of: id as UserId }, place);
        assert.equal(positionFromCursor({ kind: 'history', of: id as ConversationId }, cursor), null);
      }),
    );
  });

  test('with a position that is not a valid id is refused', () => {
    const of = 'alice' as UserId;
    for (const place of [
      '019c1363-4a3b-73e8-b15c-0ffee0ddba11', // microsecond 1000
      '019c1363-4a3b-71c8-be8c-0ffee0ddba11', // thousandth 1000
      '019c1363-4a3b-41c8-b15c-0ffee0ddba11', // version 4
      '019c1363-4a3b-71c8-715c-0ffee0ddba11', // no variant
    ]) {
      const cursor = cursorAt({ kind: 'inbox', of }, place as MessageId);
      assert.equal(positionFromCursor({ kind: 'inbox', of }, cursor), null, place);
    }
  });

  test('that a client holds stays valid', () => {
    const place = '019c1363-4a3b-71c8-b15c-0ffee0ddba11';
    const conversation = '9763e288-d989-55b2-b4f9-d793723eb9ef' as ConversationId;
    const held: [List, string][] = [
      [{ kind: 'history', of: conversation }, 'IQGcE2NKO3HIsVwP_uDduhEr6GQC'],
      [{ kind: 'inbox', of: 'alice' as UserId }, 'IgGcE2NKO3HIsVwP_uDduhG_CgU-'],
    ];
    for (const [own, cursor] of held) assert.equal(positionFromCursor(own, cursor), place);
  });
});
