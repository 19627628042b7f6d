import { messageIdAt, microsecondsOf } from '../../src/domain/time.ts';
import type { GroupRepository } from '../../src/application/ports/group-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { Event } from '../../src/domain/event.ts';
import { isGroupId, type ConversationId, type EventId, type UserId } from '../../src/domain/ids.ts';
import type { groupRepositoryContract } from './group-repository.ts';
import { broken, brokenInEachProcess, cached, type Mutant, type Mutants } from './mutants.ts';

/** A storage whose groups are wrong. */
function withGroups(how: string, groups: (correct: Storage) => Partial<GroupRepository>): Mutant {
  return broken(how, (correct) => ({ groups: groups(correct) }));
}

/** A storage whose event logs are wrong. */
function withLog(how: string, keep: (event: Event, userId: UserId, index: number) => boolean): Mutant {
  return broken(how, ({ events }) => ({
    events: {
      listAfter: async (userId, after, limit) =>
        (await events.listAfter(userId, after, limit)).filter((event, index) => keep(event, userId, index)),
    },
  }));
}

/** An event much later than `event`. */
function muchLater(event: EventId): EventId {
  return messageIdAt(microsecondsOf(event) + 60_000_000, 0, '0'.repeat(13));
}

/** An event much earlier than `event`. */
function muchEarlier(event: EventId): EventId {
  return messageIdAt(microsecondsOf(event) - 60_000_000, 0, '0'.repeat(13));
}

/** Begins every membership with a later event than it is asked to. */
const joiningLater = withGroups('begins a membership later than it is asked to', ({ groups }) => ({
  join: (id, userId, joined) => groups.join(id, userId, muchLater(joined)),
}));

const joiningEarlier = withGroups('begins a membership earlier than it is asked to', ({ groups }) => ({
  join: (id, userId, joined) => groups.join(id, userId, muchEarlier(joined)),
}));

const leavingLater = withGroups('ends a membership later than it is asked to', ({ groups }) => ({
  leave: (id, userId, left) => groups.leave(id, userId, muchLater(left)),
}));

const cachesMembers = brokenInEachProcess('keeps the members of a position in each process', ({ groups }) => {
  let first: readonly UserId[] | null = null;
  return {
    groups: { listMembersAt: async (id, position) => (first ??= await groups.listMembersAt(id, position)) },
  };
});

/** Sends only to the given participants: their inboxes and logs are those of the first members. */
const sendsToGivenMembers = broken('shows a message of a group only to its first members', (correct) => {
  const first = new Map<ConversationId, readonly UserId[]>();
  const isFor = (id: ConversationId, userId: UserId): boolean => first.get(id)?.includes(userId) !== false;
  return {
    groups: {
      create: async (request) => {
        const result = await correct.groups.create(request);
        if (result.outcome !== 'key_reused') first.set(result.id, request.participants);
        return result;
      },
    },
    events: {
      listAfter: async (userId, after, limit) =>
        (await correct.events.listAfter(userId, after, limit)).filter(
          (event) => event.type !== 'message.created' || isFor(event.conversationId, userId),
        ),
    },
  };
});

const unclamped = broken('moves the inbox of a user who has left', (correct) => {
  const sent = new Map<ConversationId, EventId>();
  return {
    messages: {
      append: async (request) => {
        const result = await correct.messages.append(request);
        if (request.participants.length > 2) sent.set(request.message.conversationId, request.message.id);
        return result;
      },
    },
    conversations: {
      listByUser: async (userId, slice) => {
        const entries = await correct.conversations.listByUser(userId, {
          before: null,
          offset: 0,
          limit: 100,
        });
        return entries
          .map((entry) => ({ ...entry, lastEventId: sent.get(entry.conversationId) ?? entry.lastEventId }))
          .filter(({ lastEventId }) => slice.before === null || lastEventId < slice.before)
          .sort((a, b) => (a.lastEventId > b.lastEventId ? -1 : 1))
          .slice(slice.offset, slice.offset + slice.limit);
      },
    },
  };
});

/** An inbox without groups. */
const withoutGroups = broken('leaves groups out of inboxes', ({ conversations }) => ({
  conversations: {
    listByUser: async (userId, slice) =>
      (await conversations.listByUser(userId, slice)).filter(
        ({ conversationId }) => !isGroupId(conversationId),
      ),
  },
}));

const keepsContentOfFormerMembers = broken(
  'keeps the content of a deleted message in the inboxes of those who left',
  ({ conversations }) => ({
    conversations: {
      listByUser: async (userId, slice) =>
        (await conversations.listByUser(userId, slice)).map((entry) =>
          entry.lastMessage === null || (entry.membership?.left ?? null) === null
            ? entry
            : { ...entry, lastMessage: { ...entry.lastMessage, preview: 'Hello' } },
        ),
    },
  }),
);

export const groupRepositoryMutants: Mutants<typeof groupRepositoryContract> = {
  'every process finds a created group, and only that': [
    withGroups('forgets the name', ({ groups }) => ({
      create: (request) => groups.create({ ...request, name: null }),
    })),
    withGroups('finds a membership for every user', () => ({
      findMembership: (id) =>
        Promise.resolve({ joined: id as string as EventId, left: null, nameAtLeaving: null }),
    })),
  ],

  'a created group is in the inbox and the event log of each member': [
    withoutGroups,
    withLog('adds no event', ({ type }) => type !== 'conversation.created'),
  ],

  'one key of a creator is one group, and no other request': [
    withGroups('ignores keys', ({ groups }) => ({
      create: (request) => groups.create({ ...request, idempotencyKey: null }),
    })),
    withGroups('ignores the body of a key', ({ groups }) => ({
      create: (request) => groups.create({ ...request, name: null }),
    })),
  ],

  'a message is in the inbox and the event log of every member, and of nobody else': [
    withLog(
      'adds a message only to the log of its sender',
      (event, userId, index) => index < 2 || userId === '',
    ),
    withoutGroups,
  ],

  'a keyed message is appended once, and its repeat adds nothing': [
    broken('ignores keys in groups', ({ messages }) => ({
      messages: { append: (request) => messages.append({ ...request, idempotencyKey: null }) },
    })),
  ],

  'a new member has the messages above the event of joining, and no others': [joiningLater, joiningEarlier],

  'a send that has read the members before a join reaches the new member': [sendsToGivenMembers],

  'a send that has read the members before one leaves does not move the inbox of that user': [unclamped],

  'no message is missed or leaked while members join and leave concurrently': [
    sendsToGivenMembers,
    unclamped,
  ],

  'a user who has left gets no message, and keeps the place in the inbox': [
    leavingLater,
    withGroups('removes no member', () => ({ leave: () => Promise.resolve('changed') })),
    withGroups('shows the current name', ({ groups }) => ({
      findMembership: async (id, userId) => {
        const membership = await groups.findMembership(id, userId);
        const profile = await groups.findProfile(id);
        return membership && { ...membership, nameAtLeaving: profile?.name ?? null };
      },
    })),
  ],

  'the users of a position are those who had joined before and left after it': [
    cachesMembers,
    withGroups('lists the current members', ({ groups }) => ({
      listMembersAt: async (id) =>
        (await groups.find(id))?.members
          .filter(({ left }) => left === null)
          .map(({ userId }) => userId)
          .sort() ?? [],
    })),
  ],

  'a user who joins again has the later membership only': [
    withGroups('does not add a former member again', ({ groups }) => {
      const left = new Set<UserId>();
      return {
        leave: (id, userId, event) => {
          left.add(userId);
          return groups.leave(id, userId, event);
        },
        join: (id, userId, event) =>
          left.has(userId) ? Promise.resolve('unchanged') : groups.join(id, userId, event),
      };
    }),
    withGroups('ends no membership', ({ groups }) => ({
      leave: async (id, userId) =>
        (await groups.findMembership(id, userId)) === null ? 'never_a_member' : 'changed',
    })),
  ],

  'joining and leaving are idempotent': [
    withGroups('reports a change each time', ({ groups }) => ({
      join: async (id, userId, joined) => {
        await groups.join(id, userId, joined);
        return 'changed';
      },
    })),
    withGroups('begins a new membership', ({ groups }) => ({
      join: async (id, userId, joined) => {
        await groups.leave(id, userId, messageIdAt(microsecondsOf(joined) - 1, 0, '0'.repeat(13)));
        return groups.join(id, userId, joined);
      },
    })),
  ],

  'a group never has more than its maximum of members, whatever the order of joins': [
    withGroups('adds every user', ({ groups }) => ({
      join: async (id, userId, joined) => {
        const outcome = await groups.join(id, userId, joined);
        return outcome === 'group_full' ? 'changed' : outcome;
      },
    })),
    withGroups('adds no user', () => ({ join: () => Promise.resolve('group_full') })),
  ],

  'former members stay known, however many leave': [
    withGroups('forgets all but a few who left', ({ groups }) => ({
      listMembersAt: async (id, position) => {
        const members = (await groups.find(id))?.members ?? [];
        const recent = members.filter(({ left }) => left !== null).slice(-64);
        return (await groups.listMembersAt(id, position)).filter((userId) =>
          members.some((one) => one.userId === userId && (one.left === null || recent.includes(one))),
        );
      },
    })),
  ],

  'a name stays until the next one, and its change is an event of every member': [
    broken('keeps the first name', ({ groups }) => ({
      groups: { findProfile: cached((id) => groups.findProfile(id)), rename: () => Promise.resolve() },
    })),
    withLog('adds no event of a name', ({ type }) => type !== 'conversation.updated'),
  ],

  'what is unread is counted from joining to leaving': [
    broken('counts all messages', ({ readPositions }) => ({
      readPositions: { countUnread: (userId, entry) => readPositions.countUnread(userId, entry) },
    })),
    broken('reports a mark to all members', ({ events }) => ({
      events: {
        listAfter: async (userId, after, limit) => {
          const log = await events.listAfter(userId, after, limit);
          const [first] = log;
          if (first === undefined) return log;
          const read = { type: 'conversation.read', readerId: userId, readUpTo: first.id } as const;
          return [...log, { id: first.id, conversationId: first.conversationId, ...read }];
        },
      },
    })),
  ],

  'an edit and a deletion reach the members who have the message, and not those who left': [
    broken('adds no events', ({ events }) => ({
      events: {
        listAfter: async (userId, after, limit) =>
          (await events.listAfter(userId, after, limit)).filter(({ type }) => !/edited|deleted/.test(type)),
      },
    })),
    withGroups('removes no member', () => ({ leave: () => Promise.resolve('changed') })),
    keepsContentOfFormerMembers,
  ],

  'a deletion overwrites the content in the inbox of one who left while the message was sent': [
    keepsContentOfFormerMembers,
  ],

  'an edit and a deletion by a process whose clock is behind reach a member who has just joined': [
    withLog(
      'requires a change to be above its message',
      (event) => !('messageId' in event) || event.id >= event.messageId,
    ),
  ],
};
