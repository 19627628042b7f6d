import type { OpenAPIHono } from '@hono/zod-openapi';

const description = `
A messenger for conversations of two.

- **Ids.** A user's id is the caller's own: text of 1–64 characters, or a whole number, which stands for its digits.
  The ids of messages and conversations are made here.
- **Times** are RFC 3339 in UTC with nine digits. A message's \`created_at\` is also its exact place in every list.
- **Lists** are newest first. Follow \`next_cursor\` until it is null: pages joined by it have no gap and no repeat.
- **Events** come as a stream, or by polling, with a cursor that misses nothing across disconnects.
- **Sending** is safe to repeat under an \`Idempotency-Key\`.
- **Callers** are told apart by a bearer token where the service runs with \`AUTH=jwt\`: a user speaks and looks for
  themselves alone, and what is between others is not there for them. A token with the scope \`messenger:service\` acts
  for all users; without \`AUTH\` everyone does, and no token is needed.
- **Every answer** names its request in \`X-Request-Id\`: the one that the request brought, or one made for it.
- **Every failure** is a problem of RFC 9457: the schema \`Problem\` tells all types that there are.
- A path with a slash at its end is the same path. An unknown path is a 404, a wrong method a 405 with \`Allow\`.

`.trim();

/** The name of the package. */
export const TITLE = 'cassandra-messenger';

const LICENSE = { name: 'MIT', identifier: 'MIT' };

const TAGS = [
  { name: 'Messages', description: 'To send them, and to read those of a conversation.' },
  { name: 'Conversations', description: 'What two users say to each other, and the inboxes that list it.' },
  { name: 'Events', description: 'What happens in the conversations of a user, as it happens.' },
  { name: 'Users', description: 'Their names.' },
  { name: 'Operation', description: 'For those who run the service.' },
];

const BEARER = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'The subject is the user. For development: `npm run token -- --user 1`.',
} as const;

/** The OpenAPI document of all routes of `app`. */
export function documentOf(
  app: OpenAPIHono,
  deps: {
    readonly version: string;
    /** The path of the service for its clients, empty for the root. */
    readonly publicPath: string;
    /** Whether callers need a token. Where they need none, no operation shows a padlock. */
    readonly needsToken: boolean;
  },
): object {
  const { version, publicPath, needsToken } = deps;
  if (needsToken) app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', BEARER);
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: TITLE, version, description, license: LICENSE },
    security: needsToken ? [{ bearer: [] }] : [],
    servers: [{ url: publicPath || '/', description: 'The service that shows this document' }],
    tags: TAGS,
  });
}
