import type { OpenAPIHono } from '@hono/zod-openapi';

const description = `
A messenger for conversations between two users and for groups.

- **Ids.** The client chooses user ids: text of 1–64 characters, or a whole number, which means its decimal digits. The
  service creates the ids of messages and conversations.
- **Times** are RFC 3339 in UTC with nine fractional digits. The \`created_at\` of a message is also its exact position in
  the history.
- **Lists** are newest first. Follow \`next_cursor\` until it is null. The pages have no gaps and no repeats.
- **Events** are available as a stream or by polling. A client that continues with its cursor misses no event, even after
  disconnects.
- **Sends** with an \`Idempotency-Key\` are safe to repeat.
- **Authentication.** With \`AUTH=jwt\`, requests need a bearer token. A user acts only for themselves, and conversations of
  other users are a 404. A token with the scope \`messenger:service\` may act for all users. With \`AUTH=none\`, requests
  need no token, and every caller may act for every user.
- **Request ids.** Every response has an \`X-Request-Id\` header: that of the request, or a new one.
- **Errors** are problem documents (RFC 9457). The schema \`Problem\` lists all types.
- **Paths.** A trailing slash is ignored. An unknown path is a 404. A wrong method is a 405 with \`Allow\`.

`.trim();

/** The name of the package. */
export const TITLE = 'cassandra-messenger';

const LICENSE = { name: 'MIT', identifier: 'MIT' };

const TAGS = [
  { name: 'Messages', description: 'Send messages, and read the history of a conversation.' },
  { name: 'Conversations', description: 'Conversations, inboxes and read positions.' },
  { name: 'Groups', description: 'The participants of a group, also called members, and its name.' },
  {
    name: 'Events',
    description: 'Events in the conversations of a user: as a list, a long poll, or a stream.',
  },
  { name: 'Users', description: 'Names of users.' },
  { name: 'Operation', description: 'Health checks, version and this document.' },
];

const BEARER = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'The `sub` claim is the user id. For development: `npm run token -- --user 1`.',
} as const;

/** The OpenAPI document of all routes of `app`. */
export function documentOf(
  app: OpenAPIHono,
  deps: {
    readonly version: string;
    /** The path prefix of the service for clients; empty for the root. */
    readonly publicPath: string;
    /** Whether requests need a token. If not, the document has no security scheme. */
    readonly needsToken: boolean;
  },
): object {
  const { version, publicPath, needsToken } = deps;
  if (needsToken) app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', BEARER);
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: TITLE, version, description, license: LICENSE },
    security: needsToken ? [{ bearer: [] }] : [],
    servers: [{ url: publicPath || '/', description: 'The service that serves this document' }],
    tags: TAGS,
  });
}
