import type {
  AppendRequest,
  DeleteRequest,
  EditRequest,
} from '../../src/application/ports/message-repository.ts';
import { lastMessageOf, type InboxEntry } from '../../src/domain/conversation.ts';
import type { Event } from '../../src/domain/event.ts';
import type { EventId, MessageId, UserId } from '../../src/domain/ids.ts';
import { withDeletion, withEdit, type Message } from '../../src/domain/message.ts';
import { MAX_UNREAD_COUNT } from '../../src/domain/read-position.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { top } from './fixtures.ts';
import type { messageChangesContract } from './message-changes.ts';
import { broken, brokenInEachProcess, type Mutant, type Mutants } from './mutants.ts';

/** The faults of a store of changed messages; each part is correct by default. */
interface Keeping {
  readonly onEdit?: (message: Message, request: EditRequest) => Message;
  readonly onDelete?: (message: Message, request: DeleteRequest) => Message;
  /** The message after it was appended again. */
  readonly onRepeat?: (message: Message, request: AppendRequest) => Message;
  /** A message as history and lookups show it; null if they do not show it. */
  readonly inHistory?: (message: Message) => Message | null;
  /** A message as inboxes show it; `first` is the message as it was first appended. */
  readonly inInbox?: (message: Message, first: Message) => Message;
}

/** Keeps and shows its own messages on top of a correct storage. */
function keepingChanges(how: string, keeping: Keeping, make: typeof broken = broken): Mutant {
  const {
    onEdit = (message, { editId, content }) => withEdit(message, editId, content),
    onDelete = (message, { deletionId }) => withDeletion(message, deletionId),
    onRepeat = (message) => message,
    inHistory = (message) => message,
    inInbox = (message) => message,
  } = keeping;
  return make(how, (correct) => {
    const first = new Map<MessageId, Message>();
    const current = new Map<MessageId, Message>();
    const change = (id: MessageId, changed: (message: Message) => Message): Message | null => {
      const message = current.get(id);
      if (message === undefined) return null;
      const next = changed(message);
      current.set(id, next);
      return next;
    };
    const shown = (messages: readonly Message[]) =>
      messages.flatMap((message) => inHistory(current.get(message.id) ?? message) ?? []);
    return {
      messages: {
        append: async (request) => {
          const { outcome, ...result } = await correct.messages.append(request);
          if (!('message' in result)) return { outcome: 'key_reused' };
          const { id } = result.message;
          const known = current.get(id);
          current.set(id, known === undefined ? request.message : onRepeat(known, request));
          if (!first.has(id)) first.set(id, request.message);
          return { outcome: outcome as 'repeated', message: current.get(id) ?? request.message };
        },
        edit: async (request) => {
          await correct.messages.edit(request);
          return change(request.messageId, (message) => onEdit(message, request));
        },
        delete: async (request) => {
          await correct.messages.delete(request);
          return change(request.messageId, (message) => onDelete(message, request));
        },
        listBefore: async (id, slice) => shown(await correct.messages.listBefore(id, slice)),
        find: async (id, ids) => shown(await correct.messages.find(id, ids)),
      },
      conversations: {
        listByUser: async (userId, slice) =>
          (await correct.conversations.listByUser(userId, slice)).map((entry) => {
            const message = entry.lastMessage && current.get(entry.lastMessage.messageId);
            if (!message) return entry;
            return {
              ...entry,
              lastMessage: lastMessageOf(inInbox(message, first.get(message.id) ?? message)),
            };
          }),
      },
    };
  });
}

/** Shows changed inbox entries. `changes` are the changes so far, the last one at the end. */
function showing(
  how: string,
  show: (
    entries: readonly InboxEntry[],
    changes: readonly { id: EventId; messageId: MessageId }[],
  ) => InboxEntry[],
): Mutant {
  return broken(how, (correct) => {
    const changes: { id: EventId; messageId: MessageId }[] = [];
    return {
      messages: {
        edit: (request) => {
          changes.push({ ...request, id: request.editId });
          return correct.messages.edit(request);
        },
        delete: (request) => {
          changes.push({ ...request, id: request.deletionId });
          return correct.messages.delete(request);
        },
      },
      conversations: {
        listByUser: async (userId, slice) =>
          show(await correct.conversations.listByUser(userId, slice), changes),
      },
    };
  });
}

const isChange = ({ type }: Event): boolean => type === 'message.edited' || type === 'message.deleted';

/** Lists changed logs. `requested` are the ids of the changes so far. */
function logging(
  how: string,
  list: (log: readonly Event[], requested: readonly Event[], userId: UserId) => readonly Event[],
): Mutant {
  return broken(how, (correct) => {
    const requested: Event[] = [];
    return {
      messages: {
        edit: (request) => {
          requested.push({ ...request, id: request.editId, type: 'message.edited' });
          return correct.messages.edit(request);
        },
        delete: (request) => {
          requested.push({ ...request, id: request.deletionId, type: 'message.deleted' });
          return correct.messages.delete(request);
        },
      },
      events: {
        listAfter: async (userId, after, limit) =>
          list(await correct.events.listAfter(userId, after, limit), requested, userId),
      },
    };
  });
}

/** Counts unread messages in the newest `limit` messages, those for which `isCounted` is true. */
function counting(how: string, limit: number, isCounted: (message: Message) => boolean): Mutant {
  return broken(how, ({ messages }) => ({
    readPositions: {
      countUnread: async (userId, { conversationId, readUpTo }) => {
        const history = await messages.listBefore(conversationId, top(Infinity));
        const above = history.filter(({ id }) => readUpTo === null || id > readUpTo).slice(0, limit);
        const unread = above.filter((message) => message.senderId !== userId && isCounted(message));
        return Math.min(unread.length, MAX_UNREAD_COUNT);
      },
    },
  }));
}

/** Creates a message for an edit of one that does not exist. */
const createsTheMessage = broken('creates the message', ({ messages }) => ({
  messages: {
    edit: async (request) => {
      const result = await messages.edit(request);
      const { conversationId, messageId: id, participants, content } = request;
      const [senderId] = participants as [UserId];
      const created = { id, conversationId, senderId, receiverId: senderId, content };
      const message = { ...created, editId: null, deletionId: null };
      if (result === null)
        await messages.append({ message, participants, idempotencyKey: null, isLive: false });
      return result;
    },
  },
}));

const bringsBack = (message: Message, { editId, content }: EditRequest): Message =>
  message.deletionId === null
    ? withEdit(message, editId, content)
    : { ...message, content, editId, deletionId: null };

export const messageChangesMutants: Mutants<typeof messageChangesContract> = {
  'an edit replaces the content in history, inbox and lookup, byte for byte and in every process': [
    keepingChanges('shows the original in the inbox', { inInbox: (_, first) => first }),
    keepingChanges('trims an edit', {
      onEdit: (message, { editId, content }) => withEdit(message, editId, content.trim()),
    }),
    keepingChanges('keeps the time of the first edit', {
      onEdit: (message, { editId, content }) => ({ ...message, content, editId: message.editId ?? editId }),
    }),
    keepingChanges('keeps edits in each process', {}, brokenInEachProcess),
  ],

  'the last edit wins as a whole, in any order of arrival, even of edits in one microsecond': [
    keepingChanges('shows the edit that arrived last', {
      onEdit: (message, { editId, content }) => ({ ...message, content, editId }),
    }),
    keepingChanges('keeps the first edit of a microsecond', {
      onEdit: (message, { editId, content }) =>
        message.editId !== null && microsecondsOf(message.editId) >= microsecondsOf(editId)
          ? message
          : withEdit(message, editId, content),
    }),
    keepingChanges('mixes the cells of two edits', {
      onEdit: (message, { editId, content }) => ({
        ...message,
        editId: message.editId !== null && message.editId > editId ? message.editId : editId,
        content: message.editId !== null && (message.content ?? '') > content ? message.content : content,
      }),
    }),
  ],

  'a deleted message has no content in history, inbox and lookup, and stays at its place': [
    keepingChanges('keeps the content in the inbox', { inInbox: (_, first) => first }),
    keepingChanges('keeps the content in history', {
      onDelete: (message, { deletionId }) => ({ ...message, deletionId }),
    }),
    keepingChanges('removes the message from history', {
      inHistory: (message) => (message.deletionId === null ? message : null),
    }),
    keepingChanges('keeps the time of the edit', {
      onDelete: (message, { deletionId }) => ({ ...message, content: null, deletionId }),
    }),
  ],

  'a deletion wins over edits from before and after it, in any order of arrival': [
    keepingChanges('shows a later edit', {
      onEdit: (message, request) =>
        message.deletionId === null || request.editId > message.deletionId
          ? bringsBack(message, request)
          : message,
    }),
    keepingChanges('shows an edit that arrives later', { onEdit: bringsBack }),
    keepingChanges('does not delete what has a later edit', {
      onDelete: (message, { deletionId }) =>
        message.editId !== null && message.editId > deletionId ? message : withDeletion(message, deletionId),
    }),
  ],

  'of several deletions the earliest wins, in any order of arrival': [
    keepingChanges('shows the deletion that arrived last', {
      onDelete: (message, { deletionId }) => ({ ...withDeletion(message, deletionId), deletionId }),
    }),
    keepingChanges('shows the latest deletion', {
      onDelete: (message, { deletionId }) => ({
        ...withDeletion(message, deletionId),
        deletionId: (message.deletionId ?? deletionId) > deletionId ? message.deletionId : deletionId,
      }),
    }),
  ],

  'a repeat of a send brings back neither what was edited nor what was deleted': [
    keepingChanges('stores a repeated message again', { onRepeat: (_, { message }) => message }),
    keepingChanges('brings back a deleted message', {
      onRepeat: (message, request) => (message.deletionId === null ? message : request.message),
    }),
    broken('answers a repeat with the content that was sent', ({ messages }) => ({
      messages: {
        append: async (request) => {
          const result = await messages.append(request);
          if (result.outcome !== 'repeated') return result;
          return { outcome: 'repeated', message: { ...request.message, id: result.message.id } };
        },
      },
    })),
  ],

  'an edit and a deletion meet a send that completes late: no list shows the old content at the end': [
    broken('shows the content that was sent in the inbox when it completes', (correct) => {
      const completed = new Map<MessageId, Message>();
      return {
        messages: {
          append: async (request) => {
            const result = await correct.messages.append(request);
            if ('message' in result) completed.set(result.message.id, request.message);
            return result;
          },
        },
        conversations: {
          listByUser: async (userId, slice) =>
            (await correct.conversations.listByUser(userId, slice)).map((entry) => {
              const message = entry.lastMessage && completed.get(entry.lastMessage.messageId);
              return message ? { ...entry, lastMessage: lastMessageOf(message) } : entry;
            }),
        },
      };
    }),
    keepingChanges('stores a repeated message again', { onRepeat: (_, { message }) => message }),
  ],

  'a change of an older message never shows it in place of a newer one, in any order of arrival': [
    broken('shows the message that was changed last', (correct) => {
      const changed = new Map<string, Message>();
      const note = (message: Message | null): Message | null => {
        if (message !== null) changed.set(message.conversationId, message);
        return message;
      };
      return {
        messages: {
          edit: async (request) => note(await correct.messages.edit(request)),
          delete: async (request) => note(await correct.messages.delete(request)),
        },
        conversations: {
          listByUser: async (userId, slice) =>
            (await correct.conversations.listByUser(userId, slice)).map((entry) => {
              const message = changed.get(entry.conversationId);
              return message === undefined ? entry : { ...entry, lastMessage: lastMessageOf(message) };
            }),
        },
      };
    }),
  ],

  'a change moves no conversation and no read position': [
    showing('moves a changed conversation to the top', (entries, changes) =>
      entries
        .map((entry) => {
          const change = changes.find(({ messageId }) => messageId === entry.lastMessage?.messageId);
          return change === undefined ? entry : { ...entry, lastEventId: change.id };
        })
        .sort((a, b) => (a.lastEventId > b.lastEventId ? -1 : 1)),
    ),
    showing('makes a changed conversation read', (entries, changes) =>
      entries.map((entry) => (changes.length > 0 ? { ...entry, readUpTo: entry.lastEventId } : entry)),
    ),
  ],

  'a change is an event in the log of each participant, and in no other log': [
    logging('reports no changes', (log) => log.filter((event) => !isChange(event))),
    logging('reports every change to everyone', (log, requested) => [
      ...log.filter((event) => !isChange(event)),
      ...requested,
    ]),
    logging('reports edits only', (log) => log.filter(({ type }) => type !== 'message.deleted')),
    logging('reports each repeat of a deletion', (log, requested) =>
      log.length === 0 ? log : [...log.filter((event) => !isChange(event)), ...requested],
    ),
    logging('reports a changed message as a new one', (log) =>
      log.map((event) =>
        event.type === 'message.edited' ? { ...event, type: 'message.created' as const } : event,
      ),
    ),
  ],

  'a change whose event would be late is reported under a new event': [
    logging('reports a change under its own id, however late', (log, requested) => [
      ...log.filter((event) => !isChange(event)),
      ...requested,
    ]),
  ],

  'a change of a message that does not exist shows in no list': [
    createsTheMessage,
    broken('resolves with a message that it does not have', ({ messages }) => ({
      messages: {
        delete: async (request) => {
          const result = await messages.delete(request);
          const { conversationId, messageId: id, deletionId, participants } = request;
          const [senderId] = participants as [UserId];
          return (
            result ?? {
              id,
              conversationId,
              senderId,
              receiverId: senderId,
              content: null,
              editId: null,
              deletionId,
            }
          );
        },
      },
    })),
    logging('reports the change', (log, requested) => [...log, ...requested]),
  ],

  'deleted messages are not unread: not the last one, not those before it, and not late ones': [
    counting('counts deleted messages', Infinity, () => true),
    broken('counts deleted late messages', (correct) => {
      let late = 0;
      return {
        messages: {
          append: async (request) => {
            if (request.isLive && request.idempotencyKey !== null) late += 1;
            return correct.messages.append(request);
          },
        },
        readPositions: {
          countUnread: async (userId, entry) => {
            const history = await correct.messages.listBefore(entry.conversationId, top(Infinity));
            const isLateDeleted = history.some(({ deletionId }) => deletionId !== null);
            return (await correct.readPositions.countUnread(userId, entry)) + (isLateDeleted ? late : 0);
          },
        },
      };
    }),
    showing('shows a deleted message with an empty preview', (entries) =>
      entries.map(({ lastMessage, ...entry }) => ({
        ...entry,
        lastMessage: lastMessage && { ...lastMessage, preview: lastMessage.preview ?? '' },
      })),
    ),
  ],

  'unread messages are counted behind hundreds of deleted ones': [
    counting('counts among the newest hundred', 100, ({ deletionId }) => deletionId === null),
    counting('counts deleted messages', Infinity, () => true),
  ],
};
