import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { ConversationSummary } from '../../../application/get-conversation.ts';
import type { InboxItem } from '../../../application/list-conversations.ts';
import type { UseCases } from '../../../application/use-cases.ts';
import { lastMessageOf, otherParticipant } from '../../../domain/conversation.ts';
import { MAX_GROUP_NAME_LENGTH, MAX_GROUP_SIZE } from '../../../domain/group.ts';
import type { UserId } from '../../../domain/ids.ts';
import { MAX_PREVIEW_LENGTH } from '../../../domain/message.ts';
import { MAX_UNREAD_COUNT, type ReadPosition } from '../../../domain/read-position.ts';
import { timestampOf } from '../../../domain/time.ts';
import { idempotencyKeyOf, idempotencyKeyParameter, REPLAYED_HEADER } from '../idempotency-key.ts';
import { HttpFailure, type FieldError } from '../problems.ts';
import { json } from '../respond.ts';
import type { CallerOf } from '../middleware/authentication.ts';
import { bodyOf } from '../request-body.ts';
import type { List } from '../cursors.ts';
import { namedUser } from '../acting-user.ts';
import { pageParameters, pageRequestOf, pageSchema, pageView } from '../pagination.ts';
import {
  BODY_PROBLEMS,
  jsonResponse,
  LIST_PROBLEMS,
  problemResponses,
  READ_PROBLEMS,
  WRITE_PROBLEMS,
} from '../openapi/openapi-responses.ts';
import { registerRoute } from '../register-route.ts';
import {
  booleanInQuery,
  conversationId,
  conversationIdInPath,
  eventId,
  eventIdInBody,
  messageId,
  time,
  userId,
  userIdInBody,
  userIdInPath,
  writtenText,
} from '../openapi/schemas.ts';

const PARTICIPANTS_RULE = `must be two to ${MAX_GROUP_SIZE} user ids`;

export const groupNameInBody = writtenText(MAX_GROUP_NAME_LENGTH).openapi({ example: 'Lunch' });

/**
 * The first items of a list, one more than allowed, so that a list that is too long is still refused. Validating all items of
 * a list of 100,000 would block the process for seconds.
 */
function firstParticipants(given: unknown): unknown {
  return Array.isArray(given) ? given.slice(0, MAX_GROUP_SIZE + 1) : given;
}

const ConversationToStart = bodyOf({
  participant_ids: z
    .preprocess(
      firstParticipants,
      z.array(userIdInBody, { error: PARTICIPANTS_RULE }).min(2, PARTICIPANTS_RULE),
    )
    .openapi({
      minItems: 2,
      maxItems: MAX_GROUP_SIZE,
      description:
        'Two users, in any order; the same user twice is a conversation with oneself. Three or more different users are a ' +
        'group.',
      example: ['alice', 'bob', 'carol'],
    }),
  name: groupNameInBody.optional(),
  creator_id: userIdInBody.optional(),
}).openapi('ConversationToStart');

const ReadMark = bodyOf({
  user_id: userIdInBody.optional(),
  up_to: eventIdInBody,
}).openapi('ReadMark');

const readUpTo = eventId.nullable().openapi({
  description: 'The read position of the user; null before their first mark and their first message.',
});

const ReadPositionView = z
  .strictObject({
    conversation_id: conversationId,
    user_id: userId,
    read_up_to: eventId.openapi({ description: 'The current read position of the user.' }),
  })
  .openapi('ReadPosition');

const participantIds = z
  .array(userId)
  .max(MAX_GROUP_SIZE)
  .readonly()
  .openapi({
    description:
      'In sorted order, independent of who sent the last message. A conversation with oneself has one participant. For a ' +
      'user who has left a group: the participants who stayed.',
    example: ['alice', 'bob'],
  });

const groupName = z.string().nullable().openapi({
  maxLength: MAX_GROUP_NAME_LENGTH,
  description: 'The name of a group; null if it has none, and in a conversation of two.',
  example: 'Lunch',
});

/** The last message of a conversation; all fields are null if there is none. A deleted message has no content. */
const lastMessageShape = {
  last_message_id: messageId.nullable(),
  last_message_sender_id: userId.nullable(),
  last_message_content: z.string().nullable().openapi({
    maxLength: MAX_PREVIEW_LENGTH,
    description: 'The beginning of the content, cut between graphemes. Null if the message is deleted, too.',
    example: 'Shall we meet at noon?',
  }),
  last_message_at: time.nullable(),
};

export const ConversationView = z
  .strictObject({
    id: conversationId,
    participant_ids: participantIds,
    name: groupName,
    creator_id: userId.nullable().openapi({
      description: 'The user who created the group and may remove others; null in a conversation of two.',
    }),
    created_at: time,
    ...lastMessageShape,
    read_positions: z
      .array(z.strictObject({ user_id: userId, read_up_to: readUpTo }))
      .readonly()
      .nullable()
      .openapi({
        description:
          'The read position of each participant, in the order of participant_ids; null in a group.',
      }),
  })
  .openapi('Conversation');

const InboxRowView = z
  .strictObject({
    id: conversationId,
    participant_ids: participantIds.nullable().openapi({
      description: 'The participants of a conversation of two; null in a group.',
    }),
    other_user_id: userId.nullable().openapi({
      description: 'The other participant; the same user in a conversation with oneself; null in a group.',
      example: 'bob',
    }),
    name: groupName,
    left_at: time.nullable().openapi({
      description:
        'The time at which the user left the group or was removed; null for a participant, and in a conversation of two.',
    }),
    ...lastMessageShape,
    last_event_id: eventId.openapi({
      description:
        'The event that determines the position of the conversation in the inbox. As up_to it marks all messages as read.',
    }),
    read_up_to: readUpTo,
    unread: z.boolean().openapi({ description: 'Whether there are unread messages of other participants.' }),
    unread_count: z
      .int()
      .min(0)
      .max(MAX_UNREAD_COUNT)
      .optional()
      .openapi({
        description: `With unread_counts=true: the number of unread messages of other participants. ${MAX_UNREAD_COUNT} means ${MAX_UNREAD_COUNT} or more.`,
        example: 3,
      }),
  })
  .openapi('InboxRow');

const InboxPage = pageSchema(InboxRowView).openapi('InboxPage');

export function conversationViewOf({
  conversation,
  lastMessage,
  readPositions,
}: ConversationSummary): z.infer<typeof ConversationView> {
  return {
    id: conversation.id,
    participant_ids: conversation.participants,
    name: conversation.group?.name ?? null,
    creator_id: conversation.group?.creatorId ?? null,
    created_at: timestampOf(conversation.created),
    last_message_id: lastMessage?.id ?? null,
    last_message_sender_id: lastMessage?.senderId ?? null,
    last_message_content: lastMessage === null ? null : lastMessageOf(lastMessage).preview,
    last_message_at: lastMessage === null ? null : timestampOf(lastMessage.id),
    read_positions: readPositions?.map(readPositionViewOf) ?? null,
  };
}

function readPositionViewOf({ userId, readUpTo }: ReadPosition) {
  return { user_id: userId, read_up_to: readUpTo };
}

function rowViewOf(owner: UserId, item: InboxItem): z.infer<typeof InboxRowView> {
  const { conversationId, participants, membership, lastMessage, lastEventId, readUpTo } = item;
  const { name = null, unread, unreadCount } = item;
  return {
    id: conversationId,
    participant_ids: membership === undefined ? participants : null,
    other_user_id: membership === undefined ? otherParticipant(owner, participants) : null,
    name,
    left_at: membership?.left ? timestampOf(membership.left) : null,
    last_message_id: lastMessage?.messageId ?? null,
    last_message_sender_id: lastMessage?.senderId ?? null,
    last_message_content: lastMessage?.preview ?? null,
    last_message_at: lastMessage === null ? null : timestampOf(lastMessage.messageId),
    last_event_id: lastEventId,
    read_up_to: readUpTo,
    unread,
    ...(unreadCount !== null && { unread_count: unreadCount }),
  };
}

const startConversationRoute = createRoute({
  method: 'post',
  path: '/api/conversations',
  operationId: 'startConversation',
  tags: ['Conversations'],
  summary: 'Start a conversation',
  description:
    'Two users have one conversation. If it exists, it is returned. The first message also starts it, so this call is ' +
    'optional. A user can only start their own conversations. Safe to repeat.\n\n' +
    `Three or more users, at most ${MAX_GROUP_SIZE}, are a new group each time, which may have a name. creator_id is one of ` +
    'the participants; a user may omit it. With an Idempotency-Key, creating a group is safe to repeat.',
  parameters: [idempotencyKeyParameter('this group of the creator')],
  request: { body: { required: true, content: { 'application/json': { schema: ConversationToStart } } } },
  responses: {
    ...problemResponses(
      [
        ...BODY_PROBLEMS,
        'group_name_blank',
        'group_name_too_long',
        'group_name_not_text',
        'participants_are_others',
        'creator_is_another',
        'group_too_large',
        'idempotency_key_reused',
        ...WRITE_PROBLEMS,
      ],
      { pointer: '#/participant_ids', detail: PARTICIPANTS_RULE },
    ),
    200: jsonResponse('The conversation existed already.', ConversationView),
    201: jsonResponse('The conversation is new.', ConversationView, {
      Location: {
        description: 'The path of the conversation.',
        schema: { type: 'string' },
        example: '/api/conversations/9763e288-d989-55b2-b4f9-d793723eb9ef',
      },
      ...REPLAYED_HEADER,
    }),
  },
});

const getConversationRoute = createRoute({
  method: 'get',
  path: '/api/conversations/{conversation_id}',
  operationId: 'getConversation',
  tags: ['Conversations'],
  summary: 'Get a conversation',
  description:
    'With the newest message of the history and the read positions of the participants. For non-participants it is a ' +
    '404.',
  request: { params: z.object({ conversation_id: conversationIdInPath }) },
  responses: {
    ...problemResponses(['invalid_request', 'conversation_not_found', ...READ_PROBLEMS], {
      parameter: 'conversation_id',
      detail: 'must be a UUID',
    }),
    200: jsonResponse('The conversation.', ConversationView),
  },
});

const listConversationsRoute = createRoute({
  method: 'get',
  path: '/api/conversations/user/{user_id}',
  operationId: 'listConversations',
  tags: ['Conversations'],
  summary: 'List the conversations of a user',
  description:
    'The inbox: one row per conversation, latest activity first. A conversation without messages is listed at the time ' +
    'of its start. The inbox of an unknown user is empty. A user can only read their own inbox.',
  request: {
    params: z.object({ user_id: userIdInPath }),
    query: z.object({
      ...pageParameters,
      unread_counts: booleanInQuery.default(false).openapi({
        type: 'boolean',
        param: { description: 'Whether to count the unread messages of each conversation.' },
      }),
    }),
  },
  responses: {
    ...problemResponses([...LIST_PROBLEMS, 'inbox_of_another', ...READ_PROBLEMS], {
      parameter: 'limit',
      detail: 'must be a whole number from 1 to 100',
    }),
    200: jsonResponse('A page of the inbox.', InboxPage),
  },
});

const markReadRoute = createRoute({
  method: 'put',
  path: '/api/conversations/{conversation_id}/read',
  operationId: 'markRead',
  tags: ['Conversations'],
  summary: 'Mark a conversation as read',
  description:
    'Moves the read position of a user forward, to up_to or to the last event of the conversation, whichever is ' +
    'earlier. A repeated, late or out-of-order mark changes nothing. The response contains the current position. Sending ' +
    'a message also moves the position of the sender. A user can only mark for themselves, and may omit user_id. A ' +
    'conversation that is not in the inbox of the user is a 404.',
  request: {
    params: z.object({ conversation_id: conversationIdInPath }),
    body: { required: true, content: { 'application/json': { schema: ReadMark } } },
  },
  responses: {
    ...problemResponses(
      [...BODY_PROBLEMS, 'reader_is_another', 'conversation_not_found', ...WRITE_PROBLEMS],
      {
        pointer: '#/up_to',
        detail: 'must be the id of an event or of a message',
      },
    ),
    200: jsonResponse('The current read position.', ReadPositionView),
  },
});

/** Adds the routes of conversations, inboxes and read positions. */
export function addConversationRoutes(
  app: OpenAPIHono,
  {
    startConversation,
    createGroup,
    getConversation,
    listConversations,
    markRead,
  }: Pick<
    UseCases,
    'startConversation' | 'createGroup' | 'getConversation' | 'listConversations' | 'markRead'
  >,
  callerOf: CallerOf,
  publicPath: string,
): void {
  const creator = namedUser('creator_id', callerOf);
  const locationOf = ({ conversation }: ConversationSummary) => ({
    Location: `${publicPath}/api/conversations/${conversation.id}`,
  });
  registerRoute(app, startConversationRoute, async (c, { body: { participant_ids, name, creator_id } }) => {
    const [one, other] = participant_ids;
    if (one !== undefined && other !== undefined && participant_ids.length === 2) {
      requireAbsent({ name, creator_id });
      const { started, ...summary } = await startConversation({
        caller: callerOf(c),
        participantIds: [one, other],
      });
      if (!started) return json(c, conversationViewOf(summary), 200);
      return json(c, conversationViewOf(summary), 201, locationOf(summary));
    }
    requireDistinct(participant_ids);
    const { replayed, ...summary } = await createGroup({
      caller: callerOf(c),
      creatorId: creator.idFor(c, creator_id),
      participantIds: participant_ids,
      name: name ?? null,
      idempotencyKey: idempotencyKeyOf(c),
    });
    if (!replayed) return json(c, conversationViewOf(summary), 201, locationOf(summary));
    c.get('requestContext').replayed = true;
    const headers = { ...locationOf(summary), 'Idempotency-Replayed': 'true' };
    return json(c, conversationViewOf(summary), 201, headers);
  });

  registerRoute(app, getConversationRoute, async (c, { params: { conversation_id } }) => {
    const summary = await getConversation({ caller: callerOf(c), conversationId: conversation_id });
    return json(c, conversationViewOf(summary), 200);
  });

  registerRoute(app, listConversationsRoute, async (c, { params: { user_id }, query }) => {
    const list: List = { kind: 'inbox', of: user_id };
    const page = await listConversations({
      caller: callerOf(c),
      userId: user_id,
      unreadCounts: query.unread_counts,
      ...pageRequestOf(list, query),
    });
    return json(
      c,
      pageView(list, query, page, (entry) => rowViewOf(user_id, entry)),
      200,
    );
  });

  const reader = namedUser('user_id', callerOf);
  registerRoute(
    app,
    markReadRoute,
    async (c, { params: { conversation_id }, body: { user_id, up_to } }) => {
      const userId = reader.idFor(c, user_id);
      const { readUpTo } = await markRead({
        caller: callerOf(c),
        conversationId: conversation_id,
        userId,
        upTo: up_to,
      });
      return json(c, { conversation_id, user_id: userId, read_up_to: readUpTo }, 200);
    },
    reader.bodyFieldErrors,
  );
}

/** Throws an `HttpFailure` for members of the body that only a group may have. */
function requireAbsent(given: Readonly<Record<string, unknown>>): void {
  const fieldErrors: FieldError[] = Object.entries(given).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [{ pointer: `#/${name}`, detail: 'is only for groups of three users or more' }],
  );
  if (fieldErrors.length > 0) throw new HttpFailure('invalid_request', { fieldErrors });
}

/** Throws an `HttpFailure` if a user is named twice; lists that are too long are refused later. */
function requireDistinct(ids: readonly UserId[]): void {
  if (ids.length > MAX_GROUP_SIZE) return;
  const repeated = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (repeated < 0) return;
  throw new HttpFailure('invalid_request', {
    fieldErrors: [{ pointer: `#/participant_ids/${repeated}`, detail: 'must not be repeated in a group' }],
  });
}
