import { setImmediate as turn } from 'node:timers/promises';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { IdempotencyKey, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import type { Message, SentMessage } from '../../src/domain/message.ts';
import type { Slice } from '../../src/domain/page.ts';
import { messageIdAt, microsecondsOf, millisecondsOf } from '../../src/domain/time.ts';
import { plainSlice } from '../support/plain-list.ts';
import { DAY, idAt, MILLISECOND, now, rowOf, top } from './fixtures.ts';
import type { messageRepositoryContract } from './message-repository.ts';
import { broken, brokenInEachProcess, cached, keepingKeys, type Mutant, type Mutants } from './mutants.ts';

const idOf = ({ id }: Message) => id;

/** Stores a changed message. */
function storing(how: string, change: (message: SentMessage) => SentMessage): Mutant {
  return broken(how, ({ messages }) => ({
    messages: {
      append: (appendRequest) =>
        messages.append({ ...appendRequest, message: change(appendRequest.message) }),
    },
  }));
}

/** Reads with a changed query. */
function withQuery(how: string, change: (slice: Slice) => Slice): Mutant {
  return broken(how, ({ messages }) => ({
    messages: { listBefore: (id, slice) => messages.listBefore(id, change(slice)) },
  }));
}

/** Takes a slice of the whole history incorrectly. */
function cutting(how: string, cut: (history: readonly Message[], slice: Slice) => Message[]): Mutant {
  return broken(how, ({ messages }) => ({
    messages: {
      listBefore: async (id, slice) => cut(await messages.listBefore(id, top(Infinity)), slice),
    },
  }));
}

/** Lists incorrectly, from all messages in the order of arrival. */
function listingArrived(how: string, list: (arrived: readonly Message[], slice: Slice) => Message[]): Mutant {
  return broken(how, ({ messages }) => {
    const arrived: Message[] = [];
    return {
      messages: {
        append: (appendRequest) => {
          if (!arrived.some(({ id }) => id === appendRequest.message.id)) arrived.push(appendRequest.message);
          return messages.append(appendRequest);
        },
        listBefore: (_, slice) => Promise.resolve(list(arrived, slice)),
      },
    };
  });
}

function keys(how: string, wrong: Parameters<typeof keepingKeys>[1]): Mutant {
  return broken(how, (correct) => ({ messages: keepingKeys(correct, wrong) }));
}

const pagesByTheMillisecond = withQuery('pages by the millisecond', ({ before, ...rest }) => ({
  ...rest,
  before: before && messageIdAt(millisecondsOf(before) * MILLISECOND, 0, '0'.repeat(13)),
}));

const showsItsBoundAgain = cutting('shows its bound again', (history, { before, offset, limit }) =>
  history.filter(({ id }) => before === null || id <= before).slice(offset, offset + limit),
);

export const messageRepositoryMutants: Mutants<typeof messageRepositoryContract> = {
  'the next read of every process returns an appended message': [
    brokenInEachProcess('reads from a cache', ({ messages }) => ({
      messages: { listBefore: cached((id, slice) => messages.listBefore(id, slice)) },
    })),
    broken('acknowledges a message before it is stored', ({ messages }) => ({
      messages: {
        append: (appendRequest) => {
          setTimeout(() => void messages.append(appendRequest), 5);
          return Promise.resolve({ outcome: 'appended', message: appendRequest.message });
        },
      },
    })),
  ],

  'a message is returned byte for byte': [
    storing('normalises Unicode', (message) => ({ ...message, content: message.content.normalize() })),
    storing('trims blanks', (message) => ({ ...message, content: message.content.trim() })),
    storing('keeps 64 KiB', ({ content, ...message }) => ({
      ...message,
      content: Buffer.from(content).subarray(0, 65_536).toString(),
    })),
    storing('keeps sixteen bits of each character', ({ content, ...message }) => ({
      ...message,
      content: content.replace(/[^\0-\uffff]/gu, '\ufffd'),
    })),
    storing('swaps sender and receiver', ({ senderId, receiverId, ...message }) => ({
      ...message,
      senderId: receiverId ?? senderId,
      receiverId: senderId,
    })),
  ],

  'a message appended repeatedly under one id, by several processes, is stored once': [
    broken('appends a repeated id again', ({ messages }) => {
      let appended = 0;
      const newName = (id: MessageId): MessageId =>
        (id.slice(0, -4) + (appended += 1).toString().padStart(4, '0')) as MessageId;
      return {
        messages: {
          append: (appendRequest) =>
            messages.append({
              ...appendRequest,
              message: { ...appendRequest.message, id: newName(appendRequest.message.id) },
            }),
          listBefore: async (id, slice) => {
            const found = await messages.listBefore(id, slice);
            return found.map((message) => ({
              ...message,
              id: `${message.id.slice(0, -4)}0000` as MessageId,
            }));
          },
        },
      };
    }),
  ],

  'messages are listed newest first, in any order of arrival': [
    listingArrived('lists in the order of arrival', (arrived, { offset, limit }) =>
      [...arrived].reverse().slice(offset, offset + limit),
    ),
    cutting('lists the oldest first', (history, slice) => plainSlice(history, slice, idOf).reverse()),
  ],

  'pages of any size together are the whole conversation, even if messages share a millisecond or a microsecond':
    [
      pagesByTheMillisecond,
      withQuery('pages by the microsecond', ({ before, ...rest }) => ({
        ...rest,
        before: before && messageIdAt(microsecondsOf(before), 0, '0'.repeat(13)),
      })),
      showsItsBoundAgain,
      withQuery('loses the last of a page', ({ limit, ...rest }) => ({ ...rest, limit: limit - 1 })),
    ],

  'the printed time of a message is its position when used as a bound': [
    pagesByTheMillisecond,
    withQuery('rounds times up to the microsecond', ({ before, ...rest }) => ({
      ...rest,
      before: before && messageIdAt(microsecondsOf(before) + 1, 0, '0'.repeat(13)),
    })),
  ],

  'a slice skips `offset` messages below its bound': [
    withQuery('ignores the offset', (slice) => ({ ...slice, offset: 0 })),
    cutting('applies the offset at the top', (history, { before, offset, limit }) =>
      history
        .slice(offset)
        .filter(({ id }) => before === null || id < before)
        .slice(0, limit),
    ),
    cutting('counts skipped messages as shown', (history, slice) =>
      plainSlice(history, { ...slice, limit: Math.max(0, slice.limit - slice.offset) }, idOf),
    ),
  ],

  'messages with years between them are all listed': [
    cutting('stops at the first quiet month', (history, slice) => {
      let last: Position | undefined = slice.before ?? history[0]?.id;
      const near = plainSlice(history, { ...slice, limit: Infinity }, idOf).filter(({ id }) => {
        if (last === undefined || microsecondsOf(last) - microsecondsOf(id) > 30 * DAY) return false;
        last = id;
        return true;
      });
      return near.slice(0, slice.limit);
    }),
    cutting('looks back three years', (history, slice) =>
      plainSlice(history, slice, idOf).filter(({ id }) => microsecondsOf(id) > now() - 3 * 365 * DAY),
    ),
  ],

  'a message from a clock that is ahead is visible at once': [
    withQuery('starts at its own clock', ({ before, ...rest }) => ({
      ...rest,
      before: before ?? idAt(now()),
    })),
  ],

  'a conversation lists only its own messages; one that does not exist lists none': [
    listingArrived('has one history for all conversations', (arrived, slice) =>
      plainSlice(arrived, slice, idOf),
    ),
  ],

  'an appended message is in the inbox of every participant': [
    broken('delivers only to the sender', ({ conversations }) => ({
      conversations: {
        listByUser: async (userId, slice) => {
          const rows = await conversations.listByUser(userId, slice);
          return rows.filter(({ lastMessage }) => lastMessage?.senderId === userId);
        },
      },
    })),
    brokenInEachProcess('reads inboxes from a cache', ({ conversations }) => ({
      conversations: { listByUser: cached((id, slice) => conversations.listByUser(id, slice)) },
    })),
  ],

  'an inbox never names a message that cannot be read': [
    broken('writes inboxes before the message', ({ messages }) => {
      const unstored = new Set<MessageId>();
      return {
        messages: {
          append: async (appendRequest) => {
            const { id } = appendRequest.message;
            unstored.add(id);
            const appended = await messages.append(appendRequest);
            await turn();
            unstored.delete(id);
            return appended;
          },
          listBefore: async (conversationId, slice) => {
            const found = await messages.listBefore(conversationId, slice);
            return found.filter(({ id }) => !unstored.has(id));
          },
        },
      };
    }),
  ],

  'one key is one message, even if it is sent many times concurrently by several processes': [
    keys('reads a key and then writes it', { pause: () => turn() }),
    brokenInEachProcess('keeps keys in each process', (correct) => ({ messages: keepingKeys(correct, {}) })),
    keys('claims a key and loses the message', {
      onRepeat: (_, { message }) => Promise.resolve({ outcome: 'repeated', message }),
    }),
  ],

  'a repeated append with a key returns the first result': [
    keys('treats its own repeat as another request', {}),
    keys('does not report that a key was used', {
      onRepeat: (message) => Promise.resolve({ outcome: 'appended', message }),
    }),
  ],

  'a key repeated with a much later id is the same message, at its old position': [
    keys('forgets a key after a day', {
      isForgotten: (first, message) => microsecondsOf(message.id) - microsecondsOf(first.id) > DAY,
    }),
    broken('stores a repeat at the time of the repeat', (correct) => ({
      messages: keepingKeys(correct, {
        onRepeat: async (message, appendRequest) => {
          await correct.messages.append(appendRequest);
          return { outcome: 'repeated', message };
        },
      }),
    })),
    broken('moves the conversation at a repeat', (correct) => {
      const repeats: AppendRequest[] = [];
      return {
        messages: keepingKeys(correct, {
          onRepeat: (message, appendRequest) => {
            repeats.push(appendRequest);
            return Promise.resolve({ outcome: 'repeated', message });
          },
        }),
        conversations: {
          listByUser: async (userId, slice) => {
            const rows = await correct.conversations.listByUser(userId, slice);
            return rows.map((row) => {
              const moved = repeats.find(({ message }) => message.conversationId === row.conversationId);
              return moved === undefined ? row : rowOf(moved);
            });
          },
        },
      };
    }),
  ],

  'a message is found by its sender and the key of its send, as it is now': [
    broken('finds nothing', () => ({ messages: { findByKey: () => Promise.resolve(null) } })),
    broken('finds what another user has sent under the key', ({ messages }) => {
      const senders: UserId[] = [];
      return {
        messages: {
          append: (appendRequest) => {
            senders.push(appendRequest.message.senderId);
            return messages.append(appendRequest);
          },
          findByKey: async (_, key) => {
            const found = await Promise.all(senders.map((sender) => messages.findByKey(sender, key)));
            return found.find((message) => message !== null) ?? null;
          },
        },
      };
    }),
    broken('finds what was sent, not what became of it', ({ messages }) => {
      const sent = new Map<string, Message>();
      return {
        messages: {
          append: (appendRequest) => {
            const { message, idempotencyKey } = appendRequest;
            sent.set(`${message.senderId} ${idempotencyKey}`, message);
            return messages.append(appendRequest);
          },
          findByKey: (senderId, key) => Promise.resolve(sent.get(`${senderId} ${key}`) ?? null),
        },
      };
    }),
  ],
  'a key used for another body is refused, and that body is not stored': [
    keys('ignores the body', { isRepeat: () => true }),
    keys('compares only the content', { isRepeat: (first, { content }) => first.content === content }),
    keys('compares only the receiver', {
      isRepeat: (first, { receiverId }) => first.receiverId === receiverId,
    }),
    keys('compares receiver and content joined', {
      isRepeat: (first, { receiverId, content }) =>
        `${first.receiverId}${first.content}` === `${receiverId}${content}`,
    }),
    broken('stores a refused message', (correct) => ({
      messages: keepingKeys(correct, {
        onRefusal: (appendRequest) => correct.messages.append(appendRequest),
      }),
    })),
    broken('creates the conversation of a refused message', (correct) => ({
      messages: keepingKeys(correct, {
        onRefusal: ({ message, participants }) =>
          correct.conversations.start({ id: message.conversationId, participants, created: message.id }),
      }),
    })),
  ],

  'the same key of another sender is another message': [
    keys('shares keys among all senders', { nameOf: (_, key) => key }),
    keys('joins sender and key', { nameOf: ({ senderId }, key) => `${senderId}:${key}` }),
  ],

  'without a key or with another key, equal content is another message': [
    broken('treats equal content as a repeat', (correct) => {
      const { append } = keepingKeys(correct, {});
      return {
        messages: {
          append: (appendRequest) =>
            append({ ...appendRequest, idempotencyKey: appendRequest.message.content as IdempotencyKey }),
        },
      };
    }),
    keys('folds the case of keys', { nameOf: ({ senderId }, key) => `${senderId} ${key.toLowerCase()}` }),
  ],

  'messages are found by their ids in their conversation, complete, at any time in the history': [
    broken('finds only the newest', ({ messages }) => ({
      messages: {
        find: async (id, ids) => {
          const newest = await messages.listBefore(id, { before: null, offset: 0, limit: 2 });
          return newest.filter((message) => ids.includes(message.id));
        },
      },
    })),
    broken('returns all messages of the conversation', ({ messages }) => ({
      messages: { find: (id) => messages.listBefore(id, { before: null, offset: 0, limit: 100 }) },
    })),
    broken('finds previews', ({ messages }) => ({
      messages: {
        find: async (id, ids) => {
          const found = await messages.find(id, ids);
          return found.map((message) => ({ ...message, content: message.content?.slice(0, 140) ?? null }));
        },
      },
    })),
  ],
};
