import { Hono } from 'hono';
import { makeMemoryStorage } from '../../src/adapters/memory/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { readConfig } from '../../src/composition/config.ts';
import { memoryOptionsOf } from '../../src/composition/memory-options.ts';
import { otherParticipant, participantsOf } from '../../src/domain/conversation.ts';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import type { SentMessage } from '../../src/domain/message.ts';
import { timestampOf } from '../../src/domain/time.ts';
import { lastSegment, LIMIT, messageView, pageOf, type Answers, type Body } from './bare-http.ts';

const FIRST = { before: null, offset: 0, limit: LIMIT + 1 };

/**
 * The responses of the service with memory storage, from the same storage, without validation, middleware, log and
 * wrappers of use cases.
 */
export function memoryAnswers(): Answers {
  const clock = makeClock();
  const messageIds = makeMessageIds({ clock });
  const { messages, conversations } = makeMemoryStorage({
    clock,
    messageIds,
    ...memoryOptionsOf(readConfig({}, () => '')),
  });

  async function history(id: ConversationId): Promise<object> {
    const found = await messages.listBefore(id, FIRST);
    return pageOf({ kind: 'history', of: id }, found, messageView, (message) => message.id);
  }

  async function inbox(id: UserId): Promise<object> {
    const found = await conversations.listByUser(id, FIRST);
    const viewOf = ({
      conversationId,
      participants,
      lastMessage,
      lastEventId,
      readUpTo,
    }: (typeof found)[number]): object => ({
      id: conversationId,
      participant_ids: participants,
      other_user_id: otherParticipant(id, participants),
      name: null,
      left_at: null,
      last_message_id: lastMessage?.messageId ?? null,
      last_message_sender_id: lastMessage?.senderId ?? null,
      last_message_content: lastMessage?.preview ?? null,
      last_message_at: lastMessage === null ? null : timestampOf(lastMessage.messageId),
      last_event_id: lastEventId,
      read_up_to: readUpTo,
      unread:
        lastMessage !== null && lastMessage.senderId !== id && (readUpTo === null || readUpTo < lastEventId),
    });
    return pageOf({ kind: 'inbox', of: id }, found, viewOf, (entry) => entry.lastEventId);
  }

  return {
    async send(text) {
      const { sender_id, receiver_id, content } = JSON.parse(text) as Body;
      const participants = participantsOf(sender_id, receiver_id);
      const message: SentMessage = {
        id: messageIds.next(),
        conversationId: conversationIdOf(participants),
        senderId: sender_id,
        receiverId: receiver_id,
        content,
        editId: null,
        deletionId: null,
      };
      await messages.append({ message, participants, idempotencyKey: null, isLive: true });
      return messageView(message);
    },
    read: (path) =>
      path.startsWith('/api/conversations/user/')
        ? inbox(lastSegment(path) as UserId)
        : history(lastSegment(path) as ConversationId),
  };
}

/** A bare Hono app with `answers`. */
export function bareHono({ send, read }: Answers): Hono {
  const app = new Hono();
  app.post('/api/messages', async (c) => c.json(await send(await c.req.text(), undefined), 201));
  app.get('/api/messages/conversation/:id', async (c) => c.json(await read(c.req.path, null)));
  app.get('/api/conversations/user/:id', async (c) => c.json(await read(c.req.path, null)));
  return app;
}
