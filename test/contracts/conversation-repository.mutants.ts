import { setImmediate as turn } from 'node:timers/promises';
import type { Conversation, InboxEntry } from '../../src/domain/conversation.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { ConversationId, EventId, Position, UserId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import type { Slice } from '../../src/domain/page.ts';
import { newestFirst, plainSlice } from '../support/plain-list.ts';
import { emptyRowOf, positionOf, rowOf, SECOND, top } from './fixtures.ts';
import type { conversationRepositoryContract } from './conversation-repository.ts';
import { broken, brokenInEachProcess, cached, type Mutant, type Mutants } from './mutants.ts';

/** All writes to one conversation, in the order of arrival. */
interface WrittenConversation {
  readonly participants: readonly UserId[];
  readonly appendRequests: readonly AppendRequest[];
  readonly starts: readonly Conversation[];
  /** The ids of all starts and messages. */
  readonly begins: readonly EventId[];
}

/** A row and its position in the inbox. */
interface Placed {
  readonly place: Position;
  readonly row: InboxEntry;
}

const TOP = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as Position;
const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

function newest(written: WrittenConversation): AppendRequest | undefined {
  return newestFirst(written.appendRequests, ({ message }) => message.id)[0];
}

function earliestStart(written: WrittenConversation): Conversation | undefined {
  return newestFirst(written.starts, ({ created }) => created).at(-1);
}

/** Rows at the latest of their own positions and `others`. */
function atLatest(rows: readonly InboxEntry[], others: readonly Position[]): Placed[] {
  return rows.map((row) => ({ place: [positionOf(row), ...others].sort().at(-1) ?? TOP, row }));
}

/** The correct row of a conversation; a conversation has at least a message or a start. */
function rightRow(written: WrittenConversation): InboxEntry[] {
  const head = newest(written);
  if (head !== undefined) return [rowOf(head)];
  const start = earliestStart(written);
  return start === undefined ? [] : [emptyRowOf(start)];
}

/** Rows at their correct positions. */
function inPlace(rows: readonly InboxEntry[]): Placed[] {
  return rows.map((row) => ({ place: positionOf(row), row }));
}

/** Computes inboxes on each read from all writes, incorrectly. */
function computingFromWrites(
  how: string,
  wrong: {
    readonly find?: (written: WrittenConversation) => EventId | undefined;
    readonly list?: (allWritten: readonly WrittenConversation[], owner: UserId) => readonly Placed[];
  },
): Mutant {
  return broken(how, ({ messages, conversations }) => {
    const allWritten = new Map<ConversationId, WrittenConversation>();
    const writtenOf = (id: ConversationId, participants: readonly UserId[]): WrittenConversation =>
      allWritten.get(id) ?? { participants, appendRequests: [], starts: [], begins: [] };
    return {
      messages: {
        append: (appendRequest) => {
          const { id, conversationId } = appendRequest.message;
          const written = writtenOf(conversationId, appendRequest.participants);
          const appendRequests = [...written.appendRequests, appendRequest];
          allWritten.set(conversationId, { ...written, appendRequests, begins: [...written.begins, id] });
          return messages.append(appendRequest);
        },
      },
      conversations: {
        start: (conversation) => {
          const written = writtenOf(conversation.id, conversation.participants);
          const starts = [...written.starts, conversation];
          allWritten.set(conversation.id, {
            ...written,
            starts,
            begins: [...written.begins, conversation.created],
          });
          return conversations.start(conversation);
        },
        ...(wrong.find && {
          find: async (id) => {
            const found = await conversations.find(id);
            const written = allWritten.get(id);
            if (found === null || written === undefined) return null;
            const created = wrong.find?.(written);
            return created === undefined ? null : { ...found, created };
          },
        }),
        ...(wrong.list && {
          listByUser: (owner, slice) => {
            const own = [...allWritten.values()].filter(({ participants }) => participants.includes(owner));
            const placed = wrong.list?.(own, owner) ?? [];
            const found = plainSlice(placed, slice, ({ place }) => place);
            return Promise.resolve(found.map(({ row }) => row));
          },
        }),
      },
    };
  });
}

/** The same, for each conversation. */
function showing(how: string, show: (written: WrittenConversation) => readonly Placed[]): Mutant {
  return computingFromWrites(how, { list: (allWritten) => allWritten.flatMap(show) });
}

function created(how: string, find: (written: WrittenConversation) => EventId | undefined): Mutant {
  return computingFromWrites(how, { find });
}

/** Changes the inbox row of the newest message. */
function describing(how: string, preview: (content: string) => string): Mutant {
  return showing(how, (written) => {
    const head = newest(written);
    if (head === undefined) return inPlace(rightRow(written));
    const { id, senderId, content } = head.message;
    const row = { ...rowOf(head), head: { messageId: id, senderId, preview: preview(content) } };
    return inPlace([row]);
  });
}

/** Reads with a changed query. */
function withQuery(how: string, change: (slice: Slice) => Slice): Mutant {
  return broken(how, ({ conversations }) => ({
    conversations: { listByUser: (id, slice) => conversations.listByUser(id, change(slice)) },
  }));
}

/** Takes a slice of the whole inbox incorrectly. */
function cutting(how: string, cut: (inbox: readonly InboxEntry[], slice: Slice) => InboxEntry[]): Mutant {
  return broken(how, ({ conversations }) => ({
    conversations: {
      listByUser: async (id, slice) => cut(await conversations.listByUser(id, top(Infinity)), slice),
    },
  }));
}

/** Reads the conversations of a page first and their rows later; with `dropsMoved`, drops those that moved in between. */
function readingTwice(how: string, dropsMoved: boolean): Mutant {
  return broken(how, ({ conversations }) => ({
    conversations: {
      listByUser: async (userId, slice) => {
        const candidates = await conversations.listByUser(userId, slice);
        await turn();
        const rows = await conversations.listByUser(userId, top(Infinity));
        return candidates.flatMap((candidate) => {
          const row =
            rows.find(({ conversationId }) => conversationId === candidate.conversationId) ?? candidate;
          return dropsMoved && positionOf(row) !== positionOf(candidate) ? [] : [row];
        });
      },
    },
  }));
}

function tenSecondsOf(row: InboxEntry): number {
  return Math.floor(microsecondsOf(positionOf(row)) / (10 * SECOND));
}

const showsItsBoundAgain = cutting('shows its bound again', (inbox, { before, offset, limit }) =>
  inbox.filter((row) => before === null || positionOf(row) <= before).slice(offset, offset + limit),
);

const addsARowForEachMessage = showing('adds a row for each message', ({ appendRequests }) =>
  inPlace(appendRequests.map(rowOf)),
);

export const conversationRepositoryMutants: Mutants<typeof conversationRepositoryContract> = {
  'a conversation without a start or a message is not found': [
    broken('returns a conversation that does not exist', ({ conversations }) => ({
      conversations: {
        find: async (id) =>
          (await conversations.find(id)) ?? { id, participants: [], created: BOTTOM as EventId },
      },
    })),
  ],

  'a conversation is found by every process once it is started or its first message is appended': [
    broken('swaps the participants', ({ conversations }) => ({
      conversations: {
        find: async (id) => {
          const found = await conversations.find(id);
          return found && { ...found, participants: [...found.participants].reverse() };
        },
      },
    })),
    created('finds only started conversations', ({ starts }) => starts[0]?.created),
    created('finds only conversations with messages', ({ appendRequests }) => appendRequests[0]?.message.id),
    broken('acknowledges a start before it is stored', ({ conversations }) => ({
      conversations: {
        start: (conversation) => {
          setTimeout(() => void conversations.start(conversation), 5);
          return Promise.resolve();
        },
      },
    })),
    brokenInEachProcess('keeps starts in each process', ({ messages, conversations }) => {
      const known = new Set<ConversationId>();
      return {
        messages: {
          append: (appendRequest) => {
            known.add(appendRequest.message.conversationId);
            return messages.append(appendRequest);
          },
        },
        conversations: { find: (id) => (known.has(id) ? conversations.find(id) : Promise.resolve(null)) },
      };
    }),
  ],

  'a conversation is in the inbox of each participant as soon as it exists, and in no other inbox': [
    broken('finds every conversation in any inbox', ({ conversations }) => ({
      conversations: { isInInbox: async (_, id) => (await conversations.find(id)) !== null },
    })),
    broken('finds every conversation in any non-empty inbox', ({ conversations }) => ({
      conversations: {
        isInInbox: async (userId) => (await conversations.listByUser(userId, top(1))).length > 0,
      },
    })),
    broken('finds only conversations with messages', ({ messages, conversations }) => ({
      conversations: {
        isInInbox: async (userId, id) =>
          (await messages.listBefore(id, top(1))).length > 0 && conversations.isInInbox(userId, id),
      },
    })),
    broken('finds only conversations that the user began', ({ messages, conversations }) => ({
      conversations: {
        isInInbox: async (userId, id) => {
          const [first] = await messages.listBefore(id, top(1));
          return first?.senderId !== userId ? first === undefined : conversations.isInInbox(userId, id);
        },
      },
    })),
    brokenInEachProcess('reads inboxes from a cache', ({ conversations }) => ({
      conversations: {
        isInInbox: cached((userId: UserId, id: ConversationId) => conversations.isInInbox(userId, id)),
      },
    })),
  ],

  'the creation time of a conversation is that of its earliest start or message, in any order of arrival': [
    created('takes the first to arrive', ({ begins }) => begins[0]),
    created('takes the last to arrive', ({ begins }) => begins.at(-1)),
    created('uses only starts', (written) => earliestStart(written)?.created),
    created('uses only messages', ({ appendRequests }) =>
      newestFirst(
        appendRequests.map(({ message }) => message.id),
        (id) => id,
      ).at(-1),
    ),
  ],

  'two concurrent first messages create one conversation': [
    broken('makes one conversation per direction', ({ messages }) => ({
      messages: {
        append: ({ message, ...appendRequest }) => {
          const reversed = [...message.conversationId].reverse().join('') as ConversationId;
          const conversationId =
            message.senderId < (message.receiverId ?? '') ? message.conversationId : reversed;
          return messages.append({ ...appendRequest, message: { ...message, conversationId } });
        },
      },
    })),
  ],

  'a conversation without messages is in the inbox at its creation time': [
    showing('hides empty conversations', ({ appendRequests }) =>
      inPlace(appendRequests.slice(-1).map(rowOf)),
    ),
    showing('puts empty conversations on top', (written) =>
      rightRow(written).map((row) => ({ place: row.lastMessage === null ? TOP : positionOf(row), row })),
    ),
    showing('puts empty conversations below all others', (written) =>
      rightRow(written).map((row) => ({ place: row.lastMessage === null ? BOTTOM : positionOf(row), row })),
    ),
  ],

  'a conversation that is started repeatedly is one row, at its earliest start': [
    showing('moves a conversation with each start', ({ appendRequests, starts }) =>
      inPlace([...appendRequests.map(rowOf), ...starts.slice(-1).map(emptyRowOf)]),
    ),
    showing('keeps the first start to arrive', ({ appendRequests, starts }) =>
      inPlace([...appendRequests.map(rowOf), ...starts.slice(0, 1).map(emptyRowOf)]),
    ),
    showing('adds a row for each start', ({ appendRequests, starts }) =>
      inPlace([...appendRequests.map(rowOf), ...starts.map(emptyRowOf)]),
    ),
  ],

  'a start does not move a conversation with messages': [
    showing('clears a conversation that is started again', (written) =>
      inPlace(written.starts.length > 0 ? written.starts.slice(-1).map(emptyRowOf) : rightRow(written)),
    ),
    showing('moves a conversation that is started again to the top', (written) =>
      atLatest(
        rightRow(written),
        written.starts.map(({ created }) => created),
      ),
    ),
  ],

  'a conversation is at the position of its message, even if the start is later': [
    showing('places a conversation at the later of its message and its start', (written) =>
      atLatest(rightRow(written), written.begins),
    ),
    showing('ignores messages before the start', (written) => {
      const start = earliestStart(written);
      const head = newest(written);
      const isLater = start !== undefined && head !== undefined && start.created > head.message.id;
      return inPlace(isLater ? [emptyRowOf(start)] : rightRow(written));
    }),
  ],

  'an inbox has one row per conversation, newest message first, in any order of arrival': [
    showing('shows the last message to arrive', ({ appendRequests }) =>
      inPlace(appendRequests.slice(-1).map(rowOf)),
    ),
    showing('shows the first message to arrive', ({ appendRequests }) =>
      inPlace(appendRequests.slice(0, 1).map(rowOf)),
    ),
    addsARowForEachMessage,
    showing('sorts by creation', (written) => {
      const place = newestFirst(written.begins, (id) => id).at(-1);
      return place === undefined ? [] : rightRow(written).map((row) => ({ place, row }));
    }),
  ],

  'of two messages in one microsecond, the one with the larger id is shown, without mixed cells': [
    showing('keeps the first of a microsecond to arrive', ({ appendRequests }) =>
      inPlace(appendRequests.slice(0, 1).map(rowOf)),
    ),
    showing('keeps the last of a microsecond to arrive', ({ appendRequests }) =>
      inPlace(appendRequests.slice(-1).map(rowOf)),
    ),
    showing('mixes cells of the two', (written) => {
      const head = newest(written);
      if (head === undefined) return [];
      const { message } = head;
      const [content = ''] = written.appendRequests
        .map((appendRequest) => appendRequest.message.content)
        .sort()
        .reverse();
      return inPlace([rowOf({ ...head, message: { ...message, content } })]);
    }),
  ],

  'an inbox shows the start of the newest message, byte for byte': [
    describing('shows all of a message', (content) => content),
    describing('cuts between code units', (content) => content.slice(0, 140)),
    describing('cuts between code points', (content) => [...content].slice(0, 140).join('')),
    describing('normalises previews', (content) => content.slice(0, 140).normalize()),
  ],

  'a conversation with oneself is one row': [
    showing('shows a row for each participant', (written) => {
      const rows = rightRow(written);
      return inPlace(written.participants.length === 1 ? [...rows, ...rows] : rows);
    }),
    computingFromWrites('hides notes to oneself', {
      list: (allWritten) =>
        allWritten
          .filter(({ participants }) => participants.length > 1)
          .flatMap((written) => inPlace(rightRow(written))),
    }),
  ],

  'an inbox shows only the conversations of its owner, and is empty for a user without messages': [
    broken('has one inbox for all users', ({ messages, conversations }) => {
      const arrived: AppendRequest[] = [];
      return {
        messages: {
          append: (appendRequest) => {
            arrived.push(appendRequest);
            return messages.append(appendRequest);
          },
        },
        conversations: {
          ...conversations,
          listByUser: (_, slice) => Promise.resolve(plainSlice(arrived.map(rowOf), slice, positionOf)),
        },
      };
    }),
  ],

  'pages of any size together are the whole inbox, even if conversations share a microsecond': [
    withQuery('pages by the microsecond', ({ before, ...rest }) => ({
      ...rest,
      before: before && ((before.slice(0, 18) + BOTTOM.slice(18)) as Position),
    })),
    showsItsBoundAgain,
    withQuery('loses the last of a page', ({ limit, ...rest }) => ({ ...rest, limit: limit - 1 })),
  ],

  'a slice skips `offset` rows below its bound': [
    withQuery('ignores the offset', (slice) => ({ ...slice, offset: 0 })),
    cutting('applies the offset at the top', (inbox, { before, offset, limit }) =>
      inbox
        .slice(offset)
        .filter((row) => before === null || positionOf(row) < before)
        .slice(0, limit),
    ),
  ],

  'inbox pages are exact for any distribution of conversations over time': [
    cutting('reads at most two hundred rows within ten seconds', (inbox, slice) => {
      const rows = new Map<number, number>();
      const read = inbox.filter((row) => {
        const slot = tenSecondsOf(row);
        const count = (rows.get(slot) ?? 0) + 1;
        rows.set(slot, count);
        return count <= 200;
      });
      return plainSlice(read, slice, positionOf);
    }),
    cutting('sorts rows within ten seconds by name', (inbox, { before, offset, limit }) => {
      const nameOf = (row: InboxEntry) => `${tenSecondsOf(row)} ${row.conversationId}`;
      const ordered = [...inbox].sort((one, other) => (nameOf(one) > nameOf(other) ? -1 : 1));
      const start = ordered.findIndex((row) => positionOf(row) === before) + 1;
      return ordered.slice(start + offset, start + offset + limit);
    }),
  ],

  'a conversation that moved thousands of times hides no quiet conversation below': [
    computingFromWrites('gives up after a thousand moves', {
      list: (allWritten) => {
        const moves = allWritten.flatMap((written) => written.begins.map((place) => ({ place, written })));
        const read = newestFirst(moves, ({ place }) => place).slice(0, 1_000);
        return [...new Set(read.map(({ written }) => written))].flatMap((written) =>
          inPlace(rightRow(written)),
        );
      },
    }),
  ],

  'a conversation that moves between two pages is not repeated, hides no other, and is on top of the next read':
    [
      showing('also shows a conversation at its old positions', (written) =>
        rightRow(written).flatMap((row) =>
          written.appendRequests.map(({ message }) => ({ place: message.id, row })),
        ),
      ),
      cutting(
        'loses the cursor position when the row at the cursor moves',
        (inbox, { before, offset, limit }) => {
          const start = before === null ? 0 : inbox.findIndex((row) => positionOf(row) === before) + 1;
          return before !== null && start === 0 ? [] : inbox.slice(start + offset, start + offset + limit);
        },
      ),
      brokenInEachProcess('reads first pages from a cache', ({ conversations }) => {
        const first = cached((userId: UserId, limit: number) => conversations.listByUser(userId, top(limit)));
        return {
          conversations: {
            listByUser: async (userId, slice) => {
              if (slice.before !== null) return conversations.listByUser(userId, slice);
              return (await first(userId, 100)).slice(0, slice.limit);
            },
          },
        };
      }),
    ],

  'while conversations move, pages repeat none and contain all that do not move': [
    readingTwice('shows a moved conversation at its old position', false),
    readingTwice('drops a moved conversation from a page', true),
  ],

  'a first page is complete while conversations move during the read': [
    readingTwice('drops a moved conversation from the first page', true),
  ],
};
