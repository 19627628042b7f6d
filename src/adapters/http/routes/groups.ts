import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { UseCases } from '../../../application/use-cases.ts';
import { MAX_GROUP_SIZE } from '../../../domain/group.ts';
import type { CallerOf } from '../middleware/authentication.ts';
import {
  BODY_PROBLEMS,
  COMMON_HEADERS,
  jsonResponse,
  problemResponses,
  WRITE_PROBLEMS,
} from '../openapi/openapi-responses.ts';
import { conversationIdInPath, userIdInPath } from '../openapi/schemas.ts';
import { registerRoute } from '../register-route.ts';
import { bodyOf } from '../request-body.ts';
import { json, noContent } from '../respond.ts';
import { ConversationView, conversationViewOf, groupNameInBody } from './conversations.ts';

const GroupToRename = bodyOf({ name: groupNameInBody }).openapi('GroupToRename');

const memberParams = z.object({ conversation_id: conversationIdInPath, user_id: userIdInPath });
const invalidId = { parameter: 'conversation_id', detail: 'must be a UUID' };

/** Problems of every change of a group. */
const GROUP_PROBLEMS = ['member_left', 'conversation_not_found', 'not_a_group'] as const;

const addMemberRoute = createRoute({
  method: 'put',
  path: '/api/conversations/{conversation_id}/participants/{user_id}',
  operationId: 'addMember',
  tags: ['Groups'],
  summary: 'Add a participant to a group',
  description:
    'Any participant may do so. The new participant sees the messages that are sent from now on; one who joins again sees ' +
    `those since joining again. A group has at most ${MAX_GROUP_SIZE} participants. Safe to repeat. For non-participants ` +
    'the group is a 404.',
  request: { params: memberParams },
  responses: {
    ...problemResponses(
      ['invalid_request', ...GROUP_PROBLEMS, 'group_too_large', ...WRITE_PROBLEMS],
      invalidId,
    ),
    200: jsonResponse('The user is a participant.', ConversationView),
  },
});

const removeMemberRoute = createRoute({
  method: 'delete',
  path: '/api/conversations/{conversation_id}/participants/{user_id}',
  operationId: 'removeMember',
  tags: ['Groups'],
  summary: 'Leave a group, or remove a participant',
  description:
    'A user may leave; the creator of the group may remove others. The group stays in the inbox of the user who left, with ' +
    'the messages up to then. Safe to repeat. For non-participants the group is a 404.',
  request: { params: memberParams },
  responses: {
    ...problemResponses(
      ['invalid_request', 'not_the_creator', ...GROUP_PROBLEMS, 'member_not_found', ...WRITE_PROBLEMS],
      invalidId,
    ),
    204: { description: 'The user is no longer a participant.', headers: COMMON_HEADERS },
  },
});

const renameGroupRoute = createRoute({
  method: 'patch',
  path: '/api/conversations/{conversation_id}',
  operationId: 'renameGroup',
  tags: ['Groups'],
  summary: 'Name a group',
  description: 'Any participant may do so; of several names the last one wins. Safe to repeat.',
  request: {
    params: z.object({ conversation_id: conversationIdInPath }),
    body: { required: true, content: { 'application/json': { schema: GroupToRename } } },
  },
  responses: {
    ...problemResponses(
      [
        ...BODY_PROBLEMS,
        'group_name_blank',
        'group_name_too_long',
        'group_name_not_text',
        ...GROUP_PROBLEMS,
        ...WRITE_PROBLEMS,
      ],
      { pointer: '#/name', detail: 'must be text' },
    ),
    200: jsonResponse('The group.', ConversationView),
  },
});

/** Adds the routes that change a group. */
export function addGroupRoutes(
  app: OpenAPIHono,
  { addMember, removeMember, renameGroup }: Pick<UseCases, 'addMember' | 'removeMember' | 'renameGroup'>,
  callerOf: CallerOf,
): void {
  registerRoute(app, addMemberRoute, async (c, { params: { conversation_id, user_id } }) => {
    const command = { caller: callerOf(c), conversationId: conversation_id, userId: user_id };
    return json(c, conversationViewOf(await addMember(command)), 200);
  });

  registerRoute(app, removeMemberRoute, async (c, { params: { conversation_id, user_id } }) => {
    await removeMember({ caller: callerOf(c), conversationId: conversation_id, userId: user_id });
    return noContent(c);
  });

  registerRoute(app, renameGroupRoute, async (c, { params: { conversation_id }, body: { name } }) => {
    const summary = await renameGroup({ caller: callerOf(c), conversationId: conversation_id, name });
    return json(c, conversationViewOf(summary), 200);
  });
}
