import type { EventRepository } from '../../src/application/ports/event-repository.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { Event } from '../../src/domain/event.ts';
import type { ConversationId, Position } from '../../src/domain/ids.ts';
import { millisecondsOf } from '../../src/domain/time.ts';
import { idAt, now, SECOND } from './fixtures.ts';
import type { eventRepositoryContract } from './event-repository.ts';
import { broken, keepingKeys, type Mutant, type Mutants } from './mutants.ts';

const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

/** Lists a log incorrectly, from the whole log. */
function listing(
  how: string,
  list: (log: readonly Event[], after: Position, limit: number) => readonly Event[],
): Mutant {
  return broken(how, ({ events }) => ({
    events: {
      listAfter: async (userId, after, limit) =>
        list(await events.listAfter(userId, BOTTOM, 1_000), after, limit),
    },
  }));
}

/** Appends incorrectly. */
function appending(
  how: string,
  append: (correct: Storage, request: AppendRequest) => Promise<unknown>,
): Mutant {
  return broken(how, (correct) => ({
    messages: {
      append: async (request) => {
        await append(correct, request);
        return { outcome: 'appended', message: request.message };
      },
    },
  }));
}

function events(how: string, breakage: (events: EventRepository) => EventRepository): Mutant {
  return broken(how, (correct) => ({ events: breakage(correct.events) }));
}

/** Makes repeats visible incorrectly, with correct idempotency keys. */
function repeating(
  how: string,
  onRepeat: (correct: Storage, request: AppendRequest) => Promise<unknown>,
): Mutant {
  return broken(how, (correct) => ({
    messages: keepingKeys(correct, {
      onRepeat: async (message, request) => {
        await onRepeat(correct, { ...request, message });
        return { outcome: 'repeated', message };
      },
    }),
  }));
}

/** Reports a message again, with a new event. */
function reportAgain(correct: Storage, request: AppendRequest): Promise<unknown> {
  const { message, participants } = request;
  const id = idAt(now() + 2 * SECOND);
  return correct.messages.append({
    message: { ...message, id },
    participants,
    idempotencyKey: null,
    isLive: false,
  });
}

/** Adds events for the starts of a conversation: as many as `countOf` says after so many repeats. */
function reportingStarts(how: string, countOf: (repeats: number) => number): Mutant {
  return broken(how, (correct) => {
    const starts = new Map<ConversationId, number>();
    return {
      conversations: {
        start: (conversation, options) => {
          starts.set(conversation.id, (starts.get(conversation.id) ?? 0) + 1);
          return correct.conversations.start(conversation, options);
        },
      },
      events: {
        listAfter: async (userId, after, limit) => {
          const log = await correct.events.listAfter(userId, after, limit);
          const conversationId = log[0]?.conversationId;
          const count = conversationId === undefined ? undefined : starts.get(conversationId);
          if (conversationId === undefined || count === undefined) return log;
          const more = Array.from({ length: countOf(count - 1) }, () => idAt(now()));
          return [
            ...log,
            ...more.map((id) => ({ id, type: 'conversation.created', conversationId }) as const),
          ];
        },
      },
    };
  });
}

export const eventRepositoryMutants: Mutants<typeof eventRepositoryContract> = {
  'an appended message is an event in the log of each participant, and in no other log': [
    events('has one log for all users', (correct) => {
      const logs = new Set<Event>();
      return {
        completeSince: () => correct.completeSince(),
        listAfter: async (userId, after, limit) => {
          for (const event of await correct.listAfter(userId, after, limit)) logs.add(event);
          return [...logs];
        },
      };
    }),
    listing('lists nothing', () => []),
    broken('reports only to the receiver', (correct) => {
      const senders = new Map<string, string>();
      return {
        messages: {
          append: (request) => {
            senders.set(request.message.id, request.message.senderId);
            return correct.messages.append(request);
          },
        },
        events: {
          listAfter: async (userId, after, limit) => {
            const log = await correct.events.listAfter(userId, after, limit);
            return log.filter(({ id }) => senders.get(id) !== userId);
          },
        },
      };
    }),
  ],

  'a started conversation is an event in the log of each participant': [
    listing('reports only messages', (log) => log.filter(({ type }) => type === 'message.created')),
    listing('reports a start as a message', (log) =>
      log.map(({ id, conversationId }) => ({
        id,
        conversationId,
        type: 'message.created',
        messageId: id as never,
      })),
    ),
  ],

  'a live start that becomes visible late is reported once more, under a new event, and not again': [
    broken('does not report late starts', ({ conversations }) => ({
      conversations: { start: (conversation) => conversations.start(conversation) },
    })),
    reportingStarts('reports a late start with each repeat', (repeats) => repeats),
  ],

  'a start is reported once if it is in time or an import, or if a message began the conversation': [
    broken('treats an import as a start', ({ conversations }) => ({
      conversations: { start: (conversation) => conversations.start(conversation, { isLive: true }) },
    })),
    reportingStarts('reports each start twice', (repeats) => repeats + 1),
  ],

  'a conversation that is started again after its first message keeps the event of that message': [
    broken('keeps the event type of the last write', (correct) => {
      const starts = new Set<string>();
      return {
        conversations: {
          start: (conversation) => {
            starts.add(conversation.created);
            return correct.conversations.start(conversation);
          },
        },
        events: {
          listAfter: async (userId, after, limit) => {
            const log = await correct.events.listAfter(userId, after, limit);
            return log.map(({ id, conversationId, ...rest }) =>
              starts.has(id)
                ? { id, conversationId, type: 'conversation.created' }
                : { id, conversationId, ...rest },
            );
          },
        },
      };
    }),
  ],

  'a message is one event, even if it is appended repeatedly and by several processes': [
    appending('reports each attempt', async (correct, request) => {
      await correct.messages.append({ ...request, idempotencyKey: null });
      const [first] = await correct.messages.listBefore(request.message.conversationId, {
        before: null,
        offset: 0,
        limit: 1,
      });
      if (first === undefined) return;
      await correct.messages.append({
        ...request,
        idempotencyKey: null,
        message: { ...request.message, id: idAt(now()) },
      });
    }),
  ],

  'a log lists the oldest event first, in any order of arrival': [
    listing('lists the newest first', (log) => [...log].reverse()),
    listing('orders only by the second', (log) =>
      [...log].sort((a, b) => {
        const [one, other] = [a, b].map(({ id }) => Math.floor(millisecondsOf(id) / 1_000));
        return (one ?? 0) - (other ?? 0) || (a.id > b.id ? -1 : 1);
      }),
    ),
  ],

  'parts of a log, each begun after the last event of the previous part, are the whole log': [
    listing('begins after the millisecond', (log, after, limit) =>
      log.filter(({ id }) => millisecondsOf(id) > millisecondsOf(after)).slice(0, limit),
    ),
    listing('includes its bound', (log, after, limit) => log.filter(({ id }) => id >= after).slice(0, limit)),
    listing('lists the newest part', (log, after, limit) => log.filter(({ id }) => id > after).slice(-limit)),
    listing('ignores the limit', (log, after) => log.filter(({ id }) => id > after)),
  ],

  'an event beyond the retention is not listed': [
    broken('keeps events forever', (correct) => {
      const all = new Map<string, Event[]>();
      return {
        messages: {
          append: (request) => {
            const { id, conversationId } = request.message;
            for (const user of request.participants) {
              const log = all.get(user) ?? [];
              log.push({ id, type: 'message.created', conversationId, messageId: id });
              all.set(user, log);
            }
            return correct.messages.append(request);
          },
        },
        events: { listAfter: (userId) => Promise.resolve(all.get(userId) ?? []) },
      };
    }),
    broken('drops the message with its event', (correct) => ({
      messages: {
        listBefore: async (id, slice) => {
          const found = await correct.messages.listBefore(id, slice);
          return found.slice(0, 1);
        },
      },
    })),
  ],

  'a live message that becomes visible late gets a new event and moves to the top of the inbox; its time in the history is unchanged':
    [
      appending('reports no late messages', (correct, request) =>
        correct.messages.append({ ...request, isLive: false }),
      ),
      appending('stores late messages at their arrival time', (correct, request) =>
        correct.messages.append(
          request.isLive ? { ...request, message: { ...request.message, id: idAt(now()) } } : request,
        ),
      ),
      listing('reports late messages only at their own time', (log) =>
        log.filter((event) => event.type !== 'message.created' || event.messageId === event.id),
      ),
      listing('reports late messages only at their late time', (log) => {
        const late = new Set(
          log.flatMap((event) =>
            event.type === 'message.created' && event.messageId !== event.id ? [event.messageId] : [],
          ),
        );
        return log.filter(({ id }) => !late.has(id as never));
      }),
    ],

  'several late completions of one message are one late event': [
    broken('makes a late event for each attempt', (correct) => {
      const extra: Event[] = [];
      return {
        messages: {
          append: async (request) => {
            const { message } = request;
            await correct.messages.append({ ...request, idempotencyKey: null });
            extra.push({
              id: idAt(now()),
              type: 'message.created',
              conversationId: message.conversationId,
              messageId: message.id,
            });
            return { outcome: 'appended', message };
          },
        },
        events: {
          listAfter: async (userId, after, limit) => [
            ...(await correct.events.listAfter(userId, after, limit)),
            ...extra,
          ],
        },
      };
    }),
  ],

  'a repeat of a delivered message changes nothing': [
    repeating('reports a repeat as a new message', reportAgain),
    broken('moves a repeat to the top', (correct) => {
      const repeats = new Set<string>();
      return {
        messages: keepingKeys(correct, {
          onRepeat: (message) => {
            repeats.add(message.conversationId);
            return Promise.resolve({ outcome: 'repeated', message });
          },
        }),
        conversations: {
          listByUser: async (userId, slice) => {
            const inbox = await correct.conversations.listByUser(userId, slice);
            const isRepeat = ({ conversationId }: { conversationId: string }) => repeats.has(conversationId);
            return [...inbox.filter(isRepeat), ...inbox.filter((entry) => !isRepeat(entry))];
          },
        },
      };
    }),
  ],
};
