import { createRoute, z, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { UseCases } from '../../../application/use-cases.ts';
import type { SendMessageResult } from '../../../application/send-message.ts';
import type { Position } from '../../../domain/ids.ts';
import { MAX_CONTENT_LENGTH, type Message } from '../../../domain/message.ts';
import { timestampOf } from '../../../domain/time.ts';
import { idempotencyKeyOf, idempotencyKeyParameter, REPLAYED_HEADER } from '../idempotency-key.ts';
import { json, noContent } from '../respond.ts';
import type { CallerOf } from '../middleware/authentication.ts';
import { bodyOf } from '../request-body.ts';
import type { List } from '../cursors.ts';
import { namedUser } from '../acting-user.ts';
import { pageParameters, pageRequestOf, pageSchema, pageView } from '../pagination.ts';
import { HttpFailure } from '../problems.ts';
import {
  BODY_PROBLEMS,
  emptyResponse,
  jsonResponse,
  LIST_PROBLEMS,
  problemResponses,
  READ_PROBLEMS,
  WRITE_PROBLEMS,
} from '../openapi/openapi-responses.ts';
import { registerRoute } from '../register-route.ts';
import {
  conversationId,
  conversationIdInPath,
  messageId,
  messageIdInPath,
  time,
  timeOrNull,
  timestampInQuery,
  userId,
  userIdInBody,
  writtenText,
} from '../openapi/schemas.ts';

const MessageToSend = bodyOf({
  sender_id: userIdInBody.optional(),
  receiver_id: userIdInBody.openapi({ example: 'bob' }),
  content: writtenText(MAX_CONTENT_LENGTH).openapi({ example: 'Shall we meet at noon?' }),
}).openapi('MessageToSend');

const MessageEdit = bodyOf({
  content: writtenText(MAX_CONTENT_LENGTH).openapi({ example: 'Shall we meet at one?' }),
}).openapi('MessageEdit');

export const MessageView = z
  .strictObject({
    id: messageId,
    conversation_id: conversationId,
    sender_id: userId,
    receiver_id: userId.nullable().openapi({ description: 'Null in a group.', example: 'bob' }),
    content: z
      .string()
      .nullable()
      .openapi({
        maxLength: MAX_CONTENT_LENGTH,
        description:
          'The content exactly as it was sent, or as it was last edited. Null if the message is deleted; and for a user who ' +
          'has left the group, if it was edited later.',
        example: 'Shall we meet at noon?',
      }),
    created_at: time,
    edited_at: timeOrNull.openapi({
      description: 'The time of the last edit. Null if the message was not edited, or is deleted.',
    }),
    deleted_at: timeOrNull.openapi({
      description: 'The time at which the message was deleted. Null if it is not deleted.',
    }),
  })
  .openapi('Message');

const MessagePage = pageSchema(MessageView).openapi('MessagePage');

export function messageViewOf(message: Message): z.infer<typeof MessageView> {
  const { id, conversationId, senderId, receiverId, content, editId, deletionId } = message;
  return {
    id,
    conversation_id: conversationId,
    sender_id: senderId,
    receiver_id: receiverId,
    content,
    created_at: timestampOf(id),
    edited_at: editId === null ? null : timestampOf(editId),
    deleted_at: deletionId === null ? null : timestampOf(deletionId),
  };
}

const GroupMessageToSend = bodyOf({
  sender_id: userIdInBody.optional(),
  content: writtenText(MAX_CONTENT_LENGTH).openapi({ example: 'Shall we meet at noon?' }),
}).openapi('ConversationMessageToSend');

const sendRoute = {
  method: 'post',
  tags: ['Messages'],
  description:
    'The two users have one conversation; their first message starts it. A 201 means that the message, its place in both ' +
    'inboxes and its events are stored. With an Idempotency-Key a send is safe to repeat: one key of one sender is one ' +
    'message, for as long as keys are kept (30 days by default). A user can only send under their own id, and may omit it.',
  parameters: [idempotencyKeyParameter('this message of the sender')],
  request: { body: { required: true, content: { 'application/json': { schema: MessageToSend } } } },
  responses: {
    ...problemResponses(
      [
        ...BODY_PROBLEMS,
        'content_blank',
        'content_too_long',
        'content_not_text',
        'sender_is_another',
        'idempotency_key_reused',
        ...WRITE_PROBLEMS,
      ],
      { pointer: '#/content', detail: 'must be text' },
    ),
    201: jsonResponse('The stored message.', MessageView, REPLAYED_HEADER),
  },
} satisfies Omit<RouteConfig, 'path'>;

const sendMessageRoute = createRoute({
  ...sendRoute,
  path: '/api/messages',
  operationId: 'sendMessage',
  summary: 'Send a message',
});

const sendMessageByVerbRoute = createRoute({
  ...sendRoute,
  path: '/api/messages/send',
  operationId: 'sendMessageByVerb',
  deprecated: true,
  summary: 'Send a message (alias of POST /api/messages)',
});

const sendToConversationRoute = createRoute({
  method: 'post',
  path: '/api/conversations/{conversation_id}/messages',
  operationId: 'sendToConversation',
  tags: ['Messages'],
  summary: 'Send a message to a conversation',
  description:
    'Sends to a group or to an existing conversation of two. A 201 means that the message, its place in the inbox of ' +
    'every participant and its events are stored. Idempotency-Key works as in POST /api/messages. A user can only send ' +
    'under their own id, and may omit it. For non-participants the conversation is a 404.',
  parameters: [idempotencyKeyParameter('this message of the sender')],
  request: {
    params: z.object({ conversation_id: conversationIdInPath }),
    body: { required: true, content: { 'application/json': { schema: GroupMessageToSend } } },
  },
  responses: {
    ...problemResponses(
      [
        ...BODY_PROBLEMS,
        'content_blank',
        'content_too_long',
        'content_not_text',
        'sender_is_another',
        'member_left',
        'conversation_not_found',
        'idempotency_key_reused',
        ...WRITE_PROBLEMS,
      ],
      { pointer: '#/content', detail: 'must be text' },
    ),
    201: jsonResponse('The stored message.', MessageView, REPLAYED_HEADER),
  },
});

const listResponses = {
  ...problemResponses([...LIST_PROBLEMS, 'conversation_not_found', ...READ_PROBLEMS], {
    parameter: 'limit',
    detail: 'must be a whole number from 1 to 100',
  }),
  200: jsonResponse('A page of messages, newest first.', MessagePage),
};

const listMessagesRoute = createRoute({
  method: 'get',
  path: '/api/messages/conversation/{conversation_id}',
  operationId: 'listMessages',
  tags: ['Messages'],
  summary: 'List the messages of a conversation',
  description:
    'Newest first. A conversation without messages has an empty page. For non-participants, the conversation is a 404.',
  request: {
    params: z.object({ conversation_id: conversationIdInPath }),
    query: z.object(pageParameters),
  },
  responses: listResponses,
});

const listMessagesBeforeRoute = createRoute({
  method: 'get',
  path: '/api/messages/conversation/{conversation_id}/before',
  operationId: 'listMessagesBefore',
  tags: ['Messages'],
  summary: 'List the messages of a conversation before a time',
  description:
    'Newest first, strictly before a time. The time is required, as before_timestamp or timestamp. If there is also a ' +
    'cursor, the earlier of the two bounds applies. For non-participants, the conversation is a 404.',
  request: {
    params: z.object({ conversation_id: conversationIdInPath }),
    query: z.object({
      before_timestamp: timestampInQuery.optional().openapi({
        example: '2026-01-31T09:30:00.123456789Z',
        param: {
          description:
            'RFC 3339; UTC if it has no offset. The created_at of a message is its exact position.',
        },
      }),
      timestamp: timestampInQuery.optional().openapi({
        param: { description: 'Another name for before_timestamp. If both are given, they must be equal.' },
      }),
      ...pageParameters,
    }),
  },
  responses: listResponses,
});

const messagePath = '/api/conversations/{conversation_id}/messages/{message_id}';
const messageParams = z.object({ conversation_id: conversationIdInPath, message_id: messageIdInPath });
const invalidMessageId = { parameter: 'message_id', detail: 'must be the id of a message' };

const getMessageRoute = createRoute({
  method: 'get',
  path: messagePath,
  operationId: 'getMessage',
  tags: ['Messages'],
  summary: 'Get a message',
  description: 'A deleted message has no content. For non-participants, the conversation is a 404.',
  request: { params: messageParams },
  responses: {
    ...problemResponses(
      ['invalid_request', 'conversation_not_found', 'message_not_found', ...READ_PROBLEMS],
      invalidMessageId,
    ),
    200: jsonResponse('The message.', MessageView),
  },
});

const editMessageRoute = createRoute({
  method: 'patch',
  path: messagePath,
  operationId: 'editMessage',
  tags: ['Messages'],
  summary: 'Edit a message',
  description:
    'Replaces the content. The message keeps its position in history and inbox; inboxes that show it show the new content. ' +
    'Of concurrent edits the last one wins. A user can only edit their own messages. For non-participants, the ' +
    'conversation is a 404. Safe to repeat.',
  request: {
    params: messageParams,
    body: { required: true, content: { 'application/json': { schema: MessageEdit } } },
  },
  responses: {
    ...problemResponses(
      [
        ...BODY_PROBLEMS,
        'content_blank',
        'content_too_long',
        'content_not_text',
        'message_of_another',
        'conversation_not_found',
        'message_not_found',
        'message_deleted',
        ...WRITE_PROBLEMS,
      ],
      { pointer: '#/content', detail: 'must be text' },
    ),
    200: jsonResponse('The message after the edit.', MessageView),
  },
});

const deleteMessageRoute = createRoute({
  method: 'delete',
  path: messagePath,
  operationId: 'deleteMessage',
  tags: ['Messages'],
  summary: 'Delete a message',
  description:
    'The content and its edits are overwritten. The message stays in history and inbox, with deleted_at and without ' +
    'content, and no edit and no repeat of its send brings the content back. A user can only delete their own messages. ' +
    'For non-participants, the conversation is a 404. Safe to repeat.',
  request: { params: messageParams },
  responses: {
    ...problemResponses(
      [
        'invalid_request',
        'message_of_another',
        'conversation_not_found',
        'message_not_found',
        ...WRITE_PROBLEMS,
      ],
      invalidMessageId,
    ),
    204: emptyResponse('The message is deleted.'),
  },
});

/** Adds the routes of messages: send, history, and one message with its edit and its deletion. */
export function addMessageRoutes(
  app: OpenAPIHono,
  {
    sendMessage,
    sendToConversation,
    listMessagesBefore,
    getMessage,
    editMessage,
    deleteMessage,
  }: Pick<
    UseCases,
    | 'sendMessage'
    | 'sendToConversation'
    | 'listMessagesBefore'
    | 'getMessage'
    | 'editMessage'
    | 'deleteMessage'
  >,
  callerOf: CallerOf,
): void {
  const sender = namedUser('sender_id', callerOf);
  const send = async (c: Context, { sender_id, receiver_id, content }: z.output<typeof MessageToSend>) => {
    const sent = await sendMessage({
      caller: callerOf(c),
      senderId: sender.idFor(c, sender_id),
      receiverId: receiver_id,
      content,
      idempotencyKey: idempotencyKeyOf(c),
    });
    return respondSent(c, sent);
  };
  const respondSent = (c: Context, { message, replayed }: SendMessageResult) => {
    if (!replayed) return json(c, messageViewOf(message), 201);
    c.get('requestContext').replayed = true;
    return json(c, messageViewOf(message), 201, { 'Idempotency-Replayed': 'true' });
  };
  registerRoute(app, sendMessageRoute, (c, { body }) => send(c, body), sender.bodyFieldErrors);
  registerRoute(app, sendMessageByVerbRoute, (c, { body }) => send(c, body), sender.bodyFieldErrors);

  registerRoute(
    app,
    sendToConversationRoute,
    async (c, { params: { conversation_id }, body: { sender_id, content } }) => {
      const sent = await sendToConversation({
        caller: callerOf(c),
        senderId: sender.idFor(c, sender_id),
        conversationId: conversation_id,
        content,
        idempotencyKey: idempotencyKeyOf(c),
      });
      return respondSent(c, sent);
    },
    sender.bodyFieldErrors,
  );

  registerRoute(app, listMessagesRoute, async (c, { params: { conversation_id }, query }) => {
    const list: List = { kind: 'history', of: conversation_id };
    const page = await listMessagesBefore({
      caller: callerOf(c),
      conversationId: conversation_id,
      ...pageRequestOf(list, query),
    });
    return json(c, pageView(list, query, page, messageViewOf), 200);
  });

  registerRoute(app, listMessagesBeforeRoute, async (c, validated) => {
    const { conversation_id } = validated.params;
    const { timestamp, before_timestamp, ...query } = validated.query;
    const list: List = { kind: 'history', of: conversation_id };
    const time = beforeTimeOf(timestamp, before_timestamp);
    const request = pageRequestOf(list, query);
    const before = request.before !== null && request.before < time ? request.before : time;
    const page = await listMessagesBefore({
      caller: callerOf(c),
      conversationId: conversation_id,
      ...request,
      before,
    });
    return json(c, pageView(list, query, page, messageViewOf), 200);
  });

  registerRoute(app, getMessageRoute, async (c, { params: { conversation_id, message_id } }) => {
    const caller = callerOf(c);
    const message = await getMessage({ caller, conversationId: conversation_id, messageId: message_id });
    return json(c, messageViewOf(message), 200);
  });

  registerRoute(app, editMessageRoute, async (c, { params: { conversation_id, message_id }, body }) => {
    const { message } = await editMessage({
      caller: callerOf(c),
      conversationId: conversation_id,
      messageId: message_id,
      content: body.content,
    });
    return json(c, messageViewOf(message), 200);
  });

  registerRoute(app, deleteMessageRoute, async (c, { params: { conversation_id, message_id } }) => {
    const caller = callerOf(c);
    await deleteMessage({ caller, conversationId: conversation_id, messageId: message_id });
    return noContent(c);
  });
}

function beforeTimeOf(timestamp: Position | undefined, beforeTimestamp: Position | undefined): Position {
  const time = beforeTimestamp ?? timestamp;
  if (time === undefined) {
    throw new HttpFailure('invalid_request', {
      fieldErrors: [{ parameter: 'before_timestamp', detail: 'must be given' }],
    });
  }
  if (timestamp !== undefined && timestamp !== time) {
    throw new HttpFailure('invalid_request', {
      fieldErrors: [{ parameter: 'timestamp', detail: 'must equal before_timestamp, or be omitted' }],
    });
  }
  return time;
}
