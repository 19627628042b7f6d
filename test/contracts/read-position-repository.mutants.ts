import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { InboxEntry } from '../../src/domain/conversation.ts';
import type { Event } from '../../src/domain/event.ts';
import type { ConversationId, EventId, Position, UserId } from '../../src/domain/ids.ts';
import { laterPosition, MAX_UNREAD_COUNT, type ReadMark } from '../../src/domain/read-position.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { DAY, idAt, now, SECOND, top } from './fixtures.ts';
import { logOf } from './event-repository.ts';
import type { readPositionRepositoryContract } from './read-position-repository.ts';
import { broken, brokenInEachProcess, cached, type Mutant, type Mutants } from './mutants.ts';

/** The faults of a position store. */
interface Keeping {
  /** The position after a mark; correct by default. */
  readonly onMark?: (held: EventId | null, mark: ReadMark, entry: InboxEntry) => EventId | null;
  /** The position of the participant `userId` after a message; correct by default. */
  readonly onMessage?: (held: EventId | null, request: AppendRequest, userId: UserId) => EventId | null;
}

async function entryOf(
  { conversations }: Storage,
  userId: UserId,
  id: ConversationId,
): Promise<InboxEntry | undefined> {
  const inbox = await conversations.listByUser(userId, top(Infinity));
  return inbox.find(({ conversationId }) => conversationId === id);
}

const ownMessage: NonNullable<Keeping['onMessage']> = (held, { message }, userId) =>
  message.senderId === userId ? laterPosition(held, message.id) : held;

/** Keeps and shows its own positions on top of a correct storage. */
function keepingPositions(
  how: string,
  { onMark, onMessage = ownMessage }: Keeping,
  make: typeof broken = broken,
): Mutant {
  return make(how, (correct) => {
    const positions = new Map<string, EventId | null>();
    const nameOf = (userId: UserId, id: ConversationId) => `${userId} ${id}`;
    const held = (userId: UserId, id: ConversationId) => positions.get(nameOf(userId, id)) ?? null;
    return {
      messages: {
        append: async (request) => {
          const result = await correct.messages.append(request);
          const { conversationId } = request.message;
          for (const userId of request.participants) {
            const next = onMessage(held(userId, conversationId), request, userId);
            positions.set(nameOf(userId, conversationId), next);
          }
          return result;
        },
      },
      conversations: {
        listByUser: async (userId, slice) =>
          (await correct.conversations.listByUser(userId, slice)).map((entry) => ({
            ...entry,
            readUpTo: held(userId, entry.conversationId),
          })),
      },
      readPositions: {
        mark: async (mark) => {
          const { userId, conversationId } = mark;
          const entry = await entryOf(correct, userId, conversationId);
          const right = await correct.readPositions.mark(mark);
          if (entry === undefined || right === null) return null;
          const before = held(userId, conversationId);
          const next = onMark === undefined ? right : onMark(before, mark, entry);
          positions.set(nameOf(userId, conversationId), next);
          return next;
        },
      },
    };
  });
}

const clamped = ({ upTo }: ReadMark, { lastEventId }: InboxEntry): EventId =>
  upTo < lastEventId ? upTo : lastEventId;

/** Ids of messages of others. */
interface Above {
  /** Ids above the position. */
  readonly others: readonly EventId[];
  /** Ids whose late events are above the position. */
  readonly late: readonly EventId[];
  /** The same, for any position. */
  readonly allLate: readonly EventId[];
}

/** Counts incorrectly. */
function counting(
  how: string,
  count: (above: Above, entry: Pick<InboxEntry, 'lastEventId' | 'readUpTo'>) => number,
) {
  return broken(how, (correct) => ({
    readPositions: {
      countUnread: async (userId, entry) => {
        const isAbove = (id: EventId) => entry.readUpTo === null || id > entry.readUpTo;
        const all = await correct.messages.listBefore(entry.conversationId, top(1_000));
        const messages = all.filter(({ id }) => isAbove(id));
        const late = (await logOf(correct, userId)).filter(
          (event) =>
            event.type === 'message.created' &&
            event.id !== event.messageId &&
            all.some((message) => message.id === event.messageId && message.senderId !== userId),
        ) as (Event & { type: 'message.created' })[];
        const above = {
          others: messages.filter(({ senderId }) => senderId !== userId).map(({ id }) => id),
          late: late.filter(({ id }) => isAbove(id)).map(({ messageId }) => messageId),
          allLate: late.map(({ messageId }) => messageId),
        };
        return Math.min(count(above, entry), MAX_UNREAD_COUNT);
      },
    },
  }));
}

const distinct = (...ids: readonly EventId[]): number => new Set(ids).size;

/** Adds its own events to those of a correct storage. */
function reporting(
  how: string,
  tell: (mark: ReadMark, before: EventId | null, readUpTo: EventId) => readonly UserId[],
  isHidden: (event: Event, userId: UserId) => boolean = () => false,
): Mutant {
  return broken(how, (correct) => {
    const extra: { readonly userId: UserId; readonly event: Event }[] = [];
    return {
      readPositions: {
        mark: async (mark) => {
          const { userId, conversationId } = mark;
          const before = (await entryOf(correct, userId, conversationId))?.readUpTo ?? null;
          const readUpTo = await correct.readPositions.mark(mark);
          if (readUpTo === null) return null;
          for (const owner of tell(mark, before, readUpTo)) {
            const event = { id: idAt(now()), conversationId, readerId: userId, readUpTo };
            extra.push({ userId: owner, event: { ...event, type: 'conversation.read' } });
          }
          return readUpTo;
        },
      },
      events: {
        listAfter: async (userId: UserId, after: Position, limit: number) => [
          ...(await correct.events.listAfter(userId, after, limit)).filter(
            (event) => !isHidden(event, userId),
          ),
          ...extra.filter((one) => one.userId === userId).map(({ event }) => event),
        ],
      },
    };
  });
}

const nobody = () => [];

export const readPositionRepositoryMutants: Mutants<typeof readPositionRepositoryContract> = {
  'a message of the other participant is unread in every process until it is marked': [
    keepingPositions('forgets marks', { onMark: (held, { upTo }) => held ?? upTo }),
    keepingPositions('keeps positions in the process', {}, brokenInEachProcess),
    keepingPositions('treats all arriving messages as read', { onMessage: (_, { message }) => message.id }),
    keepingPositions('treats any mark as a mark of everything', {
      onMark: (_, __, entry) => entry.lastEventId,
    }),
    counting('also counts the message at the position', ({ others }, { readUpTo }) =>
      readUpTo === null ? others.length : others.length + 1,
    ),
  ],

  'a message that arrives after the entry was read does not count, also by its late event': [
    broken('counts up to the newest message', ({ readPositions }) => ({
      readPositions: {
        countUnread: (userId, entry, membership) =>
          readPositions.countUnread(userId, { ...entry, lastEventId: idAt(now() + DAY) }, membership),
      },
    })),
  ],

  'a position moves only forward, for any order, number and process of the marks': [
    keepingPositions('keeps the last mark to arrive', { onMark: (_, mark, entry) => clamped(mark, entry) }),
    keepingPositions('keeps the first mark of a microsecond', {
      onMark: (held, mark, entry) => {
        const target = clamped(mark, entry);
        return held !== null && microsecondsOf(target) <= microsecondsOf(held) ? held : target;
      },
    }),
    broken('returns the requested position', (correct) => ({
      readPositions: {
        mark: async (mark) => {
          const held = await correct.readPositions.mark(mark);
          return held === null ? null : mark.upTo;
        },
      },
    })),
    broken('reads, waits and writes', (correct) => {
      const positions = new Map<UserId, EventId>();
      return {
        conversations: {
          listByUser: async (userId, slice) =>
            (await correct.conversations.listByUser(userId, slice)).map((entry) => ({
              ...entry,
              readUpTo: positions.get(userId) ?? null,
            })),
        },
        readPositions: {
          mark: async ({ userId, upTo }) => {
            const held = positions.get(userId) ?? null;
            await new Promise(setImmediate);
            const next = laterPosition(held, upTo) ?? upTo;
            positions.set(userId, next);
            return next;
          },
        },
      };
    }),
  ],

  'a mark beyond the last event of the conversation counts as that event, and hides no later message': [
    keepingPositions('stores marks of events that do not exist yet', {
      onMark: (held, { upTo }) => laterPosition(held, upTo),
    }),
    keepingPositions('drops marks of events that do not exist yet', {
      onMark: (held, { upTo }, { lastEventId }) =>
        upTo > lastEventId ? (held ?? lastEventId) : laterPosition(held, upTo),
    }),
  ],

  'a message moves the position of its sender, and no other': [
    keepingPositions('moves positions only by marks', { onMessage: (held) => held }),
    keepingPositions('moves the positions of both by a message', {
      onMessage: (held, { message }) => laterPosition(held, message.id),
    }),
    keepingPositions('uses the last own message to arrive', {
      onMessage: (held, { message }, userId) => (message.senderId === userId ? message.id : held),
    }),
    keepingPositions('leaves messages to oneself unread', {
      onMessage: (held, request, userId) =>
        request.participants.length === 1 ? held : ownMessage(held, request, userId),
    }),
  ],

  'a mark moves the position of its reader in that conversation, and no other': [
    broken('moves the positions of all participants', (correct) => ({
      readPositions: {
        mark: async (mark) => {
          const entry = await entryOf(correct, mark.userId, mark.conversationId);
          for (const userId of entry?.participants ?? [])
            await correct.readPositions.mark({ ...mark, userId });
          return correct.readPositions.mark(mark);
        },
      },
    })),
    broken('moves the positions of all conversations of the reader', (correct) => ({
      readPositions: {
        mark: async (mark) => {
          for (const { conversationId } of await correct.conversations.listByUser(mark.userId, top(100))) {
            await correct.readPositions.mark({ ...mark, conversationId });
          }
          return correct.readPositions.mark(mark);
        },
      },
    })),
    broken('accepts marks of conversations that do not exist', (correct) => ({
      readPositions: { mark: async (mark) => (await correct.readPositions.mark(mark)) ?? mark.upTo },
    })),
    broken('creates a conversation by a mark', (correct) => ({
      readPositions: {
        mark: async (mark) => {
          const { userId, conversationId: id } = mark;
          const held = await correct.readPositions.mark(mark);
          if (held === null) {
            await correct.conversations.start({ id, participants: [userId], created: idAt(now()) });
          }
          return held;
        },
      },
    })),
  ],

  'the positions of a conversation are listed in the order of its participants': [
    broken('lists only participants who have read', (correct) => ({
      readPositions: {
        listByConversation: async (conversation) =>
          (await correct.readPositions.listByConversation(conversation)).filter(
            ({ readUpTo }) => readUpTo !== null,
          ),
      },
    })),
    broken('lists the last participant first', (correct) => ({
      readPositions: {
        listByConversation: async (conversation) =>
          [...(await correct.readPositions.listByConversation(conversation))].reverse(),
      },
    })),
    broken('lists stale positions', (correct) => ({
      readPositions: {
        listByConversation: cached((conversation) => correct.readPositions.listByConversation(conversation)),
      },
    })),
    broken('shows the furthest position for everyone', (correct) => ({
      readPositions: {
        listByConversation: async (conversation) => {
          const positions = await correct.readPositions.listByConversation(conversation);
          const furthest = positions.reduce<EventId | null>(
            (one, { readUpTo }) => laterPosition(one, readUpTo),
            null,
          );
          return positions.map(({ userId }) => ({ userId, readUpTo: furthest }));
        },
      },
    })),
  ],

  'a mark that moves the position is an event in both logs; a mark that moves nothing is no event': [
    reporting('reports no marks', nobody, ({ type }) => type === 'conversation.read'),
    reporting(
      'reports only to the reader',
      nobody,
      (event, userId) => event.type === 'conversation.read' && event.readerId !== userId,
    ),
    reporting(
      'reports only to the other participant',
      nobody,
      (event, userId) => event.type === 'conversation.read' && event.readerId === userId,
    ),
    reporting('reports marks that moved nothing', ({ userId }, before, readUpTo) =>
      before === readUpTo ? [userId] : [],
    ),
    reporting('reports twice', ({ userId }, before, readUpTo) => (before === readUpTo ? [] : [userId])),
    broken('reports the requested position', (correct) => {
      const asked = new Map<EventId, EventId>();
      return {
        readPositions: {
          mark: async (mark) => {
            const readUpTo = await correct.readPositions.mark(mark);
            if (readUpTo !== null && !asked.has(readUpTo)) asked.set(readUpTo, mark.upTo);
            return readUpTo;
          },
        },
        events: {
          listAfter: async (userId, after, limit) =>
            (await correct.events.listAfter(userId, after, limit)).map((event) =>
              event.type === 'conversation.read'
                ? { ...event, readUpTo: asked.get(event.readUpTo) ?? event.readUpTo }
                : event,
            ),
        },
      };
    }),
    broken('moves the conversation by a mark', (correct) => {
      const marks = new Map<ConversationId, EventId>();
      return {
        readPositions: {
          mark: (mark) => {
            marks.set(mark.conversationId, idAt(now()));
            return correct.readPositions.mark(mark);
          },
        },
        conversations: {
          listByUser: async (userId, slice) =>
            (await correct.conversations.listByUser(userId, slice)).map((entry) => ({
              ...entry,
              lastEventId: marks.get(entry.conversationId) ?? entry.lastEventId,
            })),
        },
      };
    }),
  ],

  'a message that became visible late is unread once, for any position, and read after its event is marked': [
    counting('counts messages by their own ids', ({ others }) => distinct(...others)),
    counting('counts late messages forever', ({ others, allLate }) => distinct(...others, ...allLate)),
    keepingPositions('treats a mark of a late message as a mark of its late event', {
      onMark: (held, mark, entry) =>
        mark.upTo === entry.lastMessage?.messageId
          ? entry.lastEventId
          : laterPosition(held, clamped(mark, entry)),
    }),
    broken('makes a late event for each attempt of a late message', (correct) => ({
      messages: {
        append: async (request) => {
          const { id, conversationId } = request.message;
          const stored = await correct.messages.listBefore(conversationId, top(100));
          const isRepeat = request.isLive && stored.some((message) => message.id === id);
          const message = isRepeat ? { ...request.message, id: idAt(now() + SECOND) } : request.message;
          return correct.messages.append({ ...request, message });
        },
      },
    })),
    broken('leaves own late messages unread', (correct) => {
      const late = new Set<UserId>();
      return {
        messages: {
          append: (request) => {
            if (request.isLive && now() - microsecondsOf(request.message.id) > DAY / 24) {
              late.add(request.message.senderId);
            }
            return correct.messages.append(request);
          },
        },
        conversations: {
          listByUser: async (userId, slice) =>
            (await correct.conversations.listByUser(userId, slice)).map((entry) =>
              late.has(userId) && entry.lastMessage !== null && entry.lastMessage.senderId === userId
                ? {
                    ...entry,
                    readUpTo: null,
                  }
                : entry,
            ),
        },
      };
    }),
  ],

  'an own message that became visible late does not mark later messages of others as read': [
    broken('marks as read up to its late event', (correct) => ({
      conversations: {
        listByUser: async (userId, slice) =>
          (await correct.conversations.listByUser(userId, slice)).map((entry) =>
            entry.lastMessage?.senderId === userId ? { ...entry, readUpTo: entry.lastEventId } : entry,
          ),
      },
    })),
    broken('counts own late messages', (correct) => ({
      readPositions: {
        countUnread: async (userId, entry) => {
          const log = await logOf(correct, userId);
          const above = log.filter(({ id }) => entry.readUpTo === null || id > entry.readUpTo);
          return distinct(
            ...above.flatMap((event) => (event.type === 'message.created' ? [event.messageId] : [])),
          );
        },
      },
    })),
  ],

  'a late message above the position is counted once': [
    counting('adds the late messages to all others', ({ others, late }) => others.length + late.length),
    counting('counts late events as messages', ({ others, late }) => others.length + 2 * late.length),
  ],

  'unread messages, including late ones, are counted exactly up to 99; 100 means more': [
    counting('stops at 99', ({ others, late }) => Math.min(distinct(...others, ...late), 99)),
    counting('treats 98 as more than 99', ({ others, late }) => {
      const count = distinct(...others, ...late);
      return count >= 98 ? MAX_UNREAD_COUNT : count;
    }),
    counting('counts late messages only if there are no others', ({ others, late }) =>
      others.length === 0 ? late.length : others.length,
    ),
    broken('counts beyond 100', (correct) => ({
      readPositions: {
        countUnread: async (userId, { conversationId, readUpTo }) => {
          const messages = await correct.messages.listBefore(conversationId, top(1_000));
          return messages.filter(
            ({ id, senderId }) => senderId !== userId && (readUpTo === null || id > readUpTo),
          ).length;
        },
      },
    })),
  ],

  'unread messages over years are counted, dense or sparse': [
    counting('counts the last thirty days', ({ others }, { lastEventId }) =>
      distinct(...others.filter((id) => microsecondsOf(lastEventId) - microsecondsOf(id) < 30 * DAY)),
    ),
    counting('counts the thirty days after the position', ({ others }, { readUpTo }) =>
      distinct(
        ...others.filter(
          (id) => readUpTo !== null && microsecondsOf(id) - microsecondsOf(readUpTo) < 30 * DAY,
        ),
      ),
    ),
    counting('counts at most a page', ({ others }) => Math.min(distinct(...others), 20)),
  ],

  'the unread state equals a recount after any sends, late messages and marks, and nothing is unread after all is marked':
    [
      counting('counts messages by their own ids', ({ others }) => distinct(...others)),
      broken('keeps a count that messages raise and marks clear', (correct) => {
        const counts = new Map<string, number>();
        return {
          messages: {
            append: (request) => {
              const { senderId, conversationId } = request.message;
              for (const userId of request.participants) {
                const name = `${userId} ${conversationId}`;
                if (userId !== senderId) counts.set(name, (counts.get(name) ?? 0) + 1);
              }
              return correct.messages.append(request);
            },
          },
          readPositions: {
            mark: (mark) => {
              counts.set(`${mark.userId} ${mark.conversationId}`, 0);
              return correct.readPositions.mark(mark);
            },
            countUnread: (userId, { conversationId }) =>
              Promise.resolve(counts.get(`${userId} ${conversationId}`) ?? 0),
          },
        };
      }),
      keepingPositions('moves positions only by marks', { onMessage: (held) => held }),
      keepingPositions('keeps the last mark to arrive', { onMark: (_, mark, entry) => clamped(mark, entry) }),
    ],
};
