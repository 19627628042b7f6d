import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { UseCases } from '../../../application/use-cases.ts';
import { timestampOfMicroseconds } from '../../../domain/time.ts';
import { MAX_USERNAME_LENGTH, type User } from '../../../domain/user.ts';
import { bodyOf } from '../request-body.ts';
import { json } from '../respond.ts';
import type { CallerOf } from '../middleware/authentication.ts';
import {
  BODY_PROBLEMS,
  jsonResponse,
  problemResponses,
  READ_PROBLEMS,
  WRITE_PROBLEMS,
} from '../openapi/openapi-responses.ts';
import { registerRoute } from '../register-route.ts';
import { time, userId, userIdInPath, writtenText } from '../openapi/schemas.ts';

const UserToSave = bodyOf({
  username: writtenText(MAX_USERNAME_LENGTH).openapi({ example: 'Alice Adler' }),
}).openapi('UserToSave');

const UserView = z
  .strictObject({
    id: userId,
    username: z.string().openapi({ maxLength: MAX_USERNAME_LENGTH, example: 'Alice Adler' }),
    created_at: time,
  })
  .openapi('User');

function viewOf({ id, username, createdAt }: User): z.infer<typeof UserView> {
  return { id, username, created_at: timestampOfMicroseconds(createdAt) };
}

const params = z.object({ user_id: userIdInPath });
const invalidId = { parameter: 'user_id', detail: 'must be 1–64 characters from A–Z a–z 0–9 . _ : @ -' };

const saveUserRoute = createRoute({
  method: 'put',
  path: '/api/users/{user_id}',
  operationId: 'saveUser',
  tags: ['Users'],
  summary: 'Save the name of a user',
  description:
    'Only the user or a service may do this. Users can send and receive messages without a saved name. Safe to repeat.',
  request: { params, body: { required: true, content: { 'application/json': { schema: UserToSave } } } },
  responses: {
    ...problemResponses(
      [
        ...BODY_PROBLEMS,
        'username_blank',
        'username_too_long',
        'username_not_text',
        'name_of_another',
        ...WRITE_PROBLEMS,
      ],
      invalidId,
    ),
    200: jsonResponse('The name of an existing user is saved.', UserView),
    201: jsonResponse('A new user is saved.', UserView),
  },
});

const getUserRoute = createRoute({
  method: 'get',
  path: '/api/users/{user_id}',
  operationId: 'getUser',
  tags: ['Users'],
  summary: 'Get a user',
  description: 'Every caller may read the name of every user.',
  request: { params },
  responses: {
    ...problemResponses(['invalid_request', 'user_not_found', ...READ_PROBLEMS], invalidId),
    200: jsonResponse('The user.', UserView),
  },
});

/** Adds the routes of users. */
export function addUserRoutes(
  app: OpenAPIHono,
  { saveUser, getUser }: Pick<UseCases, 'saveUser' | 'getUser'>,
  callerOf: CallerOf,
): void {
  registerRoute(app, saveUserRoute, async (c, { params: { user_id }, body: { username } }) => {
    const { user, created } = await saveUser({ caller: callerOf(c), userId: user_id, username });
    return json(c, viewOf(user), created ? 201 : 200);
  });

  registerRoute(app, getUserRoute, async (c, { params: { user_id } }) =>
    json(c, viewOf(await getUser({ userId: user_id })), 200),
  );
}
