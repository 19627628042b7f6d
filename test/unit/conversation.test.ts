import fc from 'fast-check';
import { validate, version } from 'uuid';
import { describe, expect, test } from 'vitest';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { conversationKey, otherParticipant, participantsOf } from '../../src/domain/conversation.ts';
import type { UserId } from '../../src/domain/ids.ts';

const [ada, ben] = ['ada', 'ben'] as [UserId, UserId];
const users = fc
  .string({ unit: fc.constantFrom(...'aB1.:@-_'), minLength: 1, maxLength: 4 })
  .map((text) => text as UserId);

describe('participants', () => {
  test('are the same in any order', () => {
    fc.assert(
      fc.property(users, users, (one, other) => {
        expect(participantsOf(one, other)).toEqual(participantsOf(other, one));
        expect(new Set(participantsOf(one, other))).toEqual(new Set([one, other]));
      }),
    );
  });

  test('are one user in a conversation with oneself', () => {
    expect(participantsOf(ada, ada)).toEqual([ada]);
    expect(otherParticipant(ada, [ada])).toBe(ada);
  });

  test('have another participant for each', () => {
    expect(otherParticipant(ada, participantsOf(ada, ben))).toBe(ben);
    expect(otherParticipant(ben, participantsOf(ada, ben))).toBe(ada);
  });
});

describe('a conversation', () => {
  test('is different for every pair', () => {
    fc.assert(
      fc.property(users, users, users, users, (a, b, c, d) => {
        const [one, other] = [participantsOf(a, b), participantsOf(c, d)];
        const same = one.length === other.length && one.every((user, index) => user === other[index]);
        expect(conversationKey(one) === conversationKey(other)).toBe(same);
        expect(conversationIdOf(one) === conversationIdOf(other)).toBe(same);
      }),
    );
  });

  test('has a fixed id, which is a UUID of version 5', () => {
    const id = conversationIdOf(participantsOf(ben, ada));
    expect(validate(id) && version(id)).toBe(5);
    // Stored data has this id.
    expect(id).toBe('154dc064-79ad-5e9d-be36-04f9ac567e0d');
  });
});
