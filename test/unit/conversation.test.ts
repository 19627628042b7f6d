import fc from 'fast-check';
import { validate, version } from 'uuid';
import { describe, expect, test } from 'vitest';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import {
  identityOf,
  otherThan,
  participantsOf,
  positionOf,
  type InboxEntry,
} from '../../src/domain/conversation.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';

const [ada, ben] = ['ada', 'ben'] as [UserId, UserId];
const users = fc
  .string({ unit: fc.constantFrom(...'aB1.:@-_'), minLength: 1, maxLength: 4 })
  .map((text) => text as UserId);

describe('participants', () => {
  test('are the same whoever is named first', () => {
    fc.assert(
      fc.property(users, users, (one, other) => {
        expect(participantsOf(one, other)).toEqual(participantsOf(other, one));
        expect(new Set(participantsOf(one, other))).toEqual(new Set([one, other]));
      }),
    );
  });

  test('are one in a note to oneself', () => {
    expect(participantsOf(ada, ada)).toEqual([ada]);
    expect(otherThan(ada, [ada])).toBe(ada);
  });

  test('know the other of two', () => {
    expect(otherThan(ada, participantsOf(ada, ben))).toBe(ben);
    expect(otherThan(ben, participantsOf(ada, ben))).toBe(ada);
  });
});

describe('a conversation', () => {
  test('is another for every other pair', () => {
    fc.assert(
      fc.property(users, users, users, users, (a, b, c, d) => {
        const [one, other] = [participantsOf(a, b), participantsOf(c, d)];
        const same = one.length === other.length && one.every((user, index) => user === other[index]);
        expect(identityOf(one) === identityOf(other)).toBe(same);
        expect(conversationIdOf(one) === conversationIdOf(other)).toBe(same);
      }),
    );
  });

  test('has an id that is a UUID of version 5, and never another one', () => {
    const id = conversationIdOf(participantsOf(ben, ada));
    expect(validate(id) && version(id)).toBe(5);
    // What is stored has this id.
    expect(id).toBe('154dc064-79ad-5e9d-be36-04f9ac567e0d');
  });

  test('stands at its newest message, and at its creation while there is none', () => {
    const [created, messageId] = [messageIdAt(1, 0, '0'.repeat(13)), messageIdAt(2, 0, '0'.repeat(13))];
    const talk = { conversationId: conversationIdOf([ada]), participants: [ada] };
    const busy: InboxEntry = { ...talk, head: { messageId, senderId: ada, preview: 'x' } };
    expect(positionOf(busy)).toBe(messageId);
    expect(positionOf({ ...talk, head: null, created })).toBe(created);
  });
});
