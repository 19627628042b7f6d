import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { StorageFailureKind } from '../../application/ports/storage-failure.ts';
import type { RefusalCode } from '../../domain/refusal.ts';
import { respond } from './respond.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** Failures of the HTTP layer: the request did not reach a use case, or an unexpected error occurred. */
export type HttpFailureCode =
  | 'malformed_request'
  | 'header_too_large'
  | 'request_too_slow'
  | 'unsupported_transfer_coding'
  | 'token_missing'
  | 'token_invalid'
  | 'token_expired'
  | 'keys_unavailable'
  | 'rate_limited'
  | 'too_many_streams'
  | 'malformed_path'
  | 'malformed_body'
  | 'invalid_request'
  | 'invalid_cursor'
  | 'path_not_found'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'unsupported_content_coding'
  | 'internal_error'
  | 'overloaded'
  | 'clock_not_verified'
  | 'not_ready';

export type ProblemCode = RefusalCode | StorageFailureKind | HttpFailureCode;

/** The invalid part of a request. */
type RequestPart =
  { readonly pointer: string } | { readonly parameter: string } | { readonly header: string };

/** The invalid part of a request, and what is wrong with it. */
export type FieldError = RequestPart & { readonly detail: string };

interface ProblemRow {
  /** The unique name of the problem on the wire. It never changes. */
  readonly type: string;
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** The default detail, used if the error has no message of its own. */
  readonly detail?: string;
  /** The invalid part, if it is always the same one. */
  readonly at?: RequestPart;
}

const CONTENT: RequestPart = { pointer: '#/content' };
const NAME: RequestPart = { pointer: '#/name' };
const USERNAME: RequestPart = { pointer: '#/username' };
const TOKEN: RequestPart = { header: 'Authorization' };

/** The HTTP form of every error code. Responses and the OpenAPI document are both made from this table. */
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemRow>> = {
  malformed_request: { type: 'malformed-request', status: 400, title: 'The request is not well-formed HTTP' },
  malformed_path: {
    type: 'malformed-path',
    status: 400,
    title: 'The path is not valid percent-encoded UTF-8',
  },
  malformed_body: {
    type: 'malformed-body',
    status: 400,
    title: 'The body is not valid JSON',
    detail: 'The body must be JSON in UTF-8.',
    at: { pointer: '#' },
  },
  invalid_request: {
    type: 'invalid-request',
    status: 400,
    title: 'Request validation failed',
    detail: 'Each entry of errors names an invalid part of the request and its rule.',
  },
  invalid_cursor: {
    type: 'invalid-cursor',
    status: 400,
    title: 'The cursor does not belong to this list',
    detail: 'The cursor must be an unchanged next_cursor of this list.',
    at: { parameter: 'cursor' },
  },
  page_too_deep: {
    type: 'page-too-deep',
    status: 400,
    title: 'The page number is too high',
    at: { parameter: 'page' },
  },
  content_blank: { type: 'content-blank', status: 400, title: 'The content is blank', at: CONTENT },
  content_too_long: { type: 'content-too-long', status: 400, title: 'The content is too long', at: CONTENT },
  content_not_text: {
    type: 'content-not-text',
    status: 400,
    title: 'The content contains invalid characters',
    at: CONTENT,
  },
  username_blank: { type: 'username-blank', status: 400, title: 'The username is blank', at: USERNAME },
  username_too_long: {
    type: 'username-too-long',
    status: 400,
    title: 'The username is too long',
    at: USERNAME,
  },
  username_not_text: {
    type: 'username-not-text',
    status: 400,
    title: 'The username contains invalid characters',
    at: USERNAME,
  },
  group_name_blank: { type: 'group-name-blank', status: 400, title: 'The group name is blank', at: NAME },
  group_name_too_long: {
    type: 'group-name-too-long',
    status: 400,
    title: 'The group name is too long',
    at: NAME,
  },
  group_name_not_text: {
    type: 'group-name-not-text',
    status: 400,
    title: 'The group name contains invalid characters',
    at: NAME,
  },
  token_missing: {
    type: 'token-missing',
    status: 401,
    title: 'The bearer token is missing',
    detail: 'Authentication is required: the Authorization header must be Bearer, followed by a token.',
    at: TOKEN,
  },
  token_invalid: {
    type: 'token-invalid',
    status: 401,
    title: 'The token is invalid',
    detail: 'The service does not accept its format, type, key, signature or claims.',
    at: TOKEN,
  },
  token_expired: { type: 'token-expired', status: 401, title: 'The token has expired', at: TOKEN },
  sender_is_another: {
    type: 'sender-is-another',
    status: 403,
    title: 'The sender is not the caller',
    at: { pointer: '#/sender_id' },
  },
  participants_are_others: {
    type: 'participants-are-others',
    status: 403,
    title: 'The caller is not among the participants',
    at: { pointer: '#/participant_ids' },
  },
  creator_is_another: {
    type: 'creator-is-another',
    status: 403,
    title: 'The creator is not the caller',
    at: { pointer: '#/creator_id' },
  },
  member_left: { type: 'member-left', status: 403, title: 'The user has left the group' },
  not_the_creator: {
    type: 'not-the-creator',
    status: 403,
    title: 'Only the creator of the group may do this',
  },
  reader_is_another: {
    type: 'reader-is-another',
    status: 403,
    title: 'The reader is not the caller',
    at: { pointer: '#/user_id' },
  },
  inbox_of_another: {
    type: 'inbox-of-another',
    status: 403,
    title: 'The inbox belongs to another user',
    at: { parameter: 'user_id' },
  },
  events_of_another: {
    type: 'events-of-another',
    status: 403,
    title: 'The events belong to another user',
    at: { parameter: 'user_id' },
  },
  name_of_another: {
    type: 'name-of-another',
    status: 403,
    title: 'The name belongs to another user',
    at: { parameter: 'user_id' },
  },
  message_of_another: {
    type: 'message-of-another',
    status: 403,
    title: 'The message belongs to another user',
    at: { parameter: 'message_id' },
  },
  path_not_found: { type: 'path-not-found', status: 404, title: 'The path does not exist' },
  conversation_not_found: {
    type: 'conversation-not-found',
    status: 404,
    title: 'The conversation does not exist',
  },
  message_not_found: { type: 'message-not-found', status: 404, title: 'The message does not exist' },
  user_not_found: { type: 'user-not-found', status: 404, title: 'The user does not exist' },
  member_not_found: {
    type: 'member-not-found',
    status: 404,
    title: 'The user was never a member of the group',
    at: { parameter: 'user_id' },
  },
  method_not_allowed: {
    type: 'method-not-allowed',
    status: 405,
    title: 'The path does not support this method',
    detail: 'The Allow header lists the supported methods.',
  },
  request_too_slow: {
    type: 'request-too-slow',
    status: 408,
    title: 'The request did not arrive in time',
    detail: 'The request was incomplete. Nothing was changed.',
  },
  message_deleted: { type: 'message-deleted', status: 409, title: 'The message is deleted' },
  not_a_group: {
    type: 'not-a-group',
    status: 409,
    title: 'The conversation is not a group',
  },
  cursor_expired: {
    type: 'cursor-expired',
    status: 410,
    title: 'The cursor is older than the event log',
    at: { parameter: 'cursor' },
  },
  body_too_large: {
    type: 'body-too-large',
    status: 413,
    title: 'The body is too large',
    detail: 'The maximum size is 256 KiB.',
  },
  unsupported_media_type: {
    type: 'unsupported-media-type',
    status: 415,
    title: 'The media type of the body is not supported',
    detail: 'The body must be JSON, with Content-Type: application/json.',
    at: { header: 'Content-Type' },
  },
  unsupported_content_coding: {
    type: 'unsupported-content-coding',
    status: 415,
    title: 'The content coding of the body is not supported',
    detail: 'The body must be uncompressed, without Content-Encoding.',
    at: { header: 'Content-Encoding' },
  },
  group_too_large: {
    type: 'group-too-large',
    status: 422,
    title: 'The group is too large',
  },
  idempotency_key_reused: {
    type: 'idempotency-key-reused',
    status: 422,
    title: 'The idempotency key was used with another body',
    at: { header: 'Idempotency-Key' },
  },
  rate_limited: {
    type: 'rate-limited',
    status: 429,
    title: 'The rate limit is exceeded',
    detail: 'Nothing was changed. Retry after the seconds in Retry-After.',
  },
  too_many_streams: {
    type: 'too-many-streams',
    status: 429,
    title: 'The user has too many open event streams',
    detail: 'The number of concurrent event streams and waiting polls per user is limited.',
  },
  header_too_large: {
    type: 'header-too-large',
    status: 431,
    title: 'The header is too large',
    detail: 'The header of a request has at most 16 KiB and 200 fields.',
  },
  internal_error: {
    type: 'internal-error',
    status: 500,
    title: 'An internal error occurred',
    detail: 'The log of the service has the details under the id of this request.',
  },
  unsupported_transfer_coding: {
    type: 'unsupported-transfer-coding',
    status: 501,
    title: 'The transfer coding is not supported',
    detail: 'Transfer-Encoding must be chunked or absent. Nothing was changed.',
    at: { header: 'Transfer-Encoding' },
  },
  overloaded: {
    type: 'overloaded',
    status: 503,
    title: 'The service is overloaded',
    detail: 'A limit of the service is reached. Nothing was changed. Try again.',
  },
  clock_not_verified: {
    type: 'clock-not-verified',
    status: 503,
    title: 'The clock of the service is not verified',
    detail: 'Writes and events are refused until the clock is verified. Nothing was stored. Try again.',
  },
  keys_unavailable: {
    type: 'keys-unavailable',
    status: 503,
    title: 'Tokens cannot be verified',
    detail: 'The keys of the token issuer are unavailable. Nothing was changed. Try again.',
  },
  unavailable: {
    type: 'storage-unavailable',
    status: 503,
    title: 'Storage is unavailable',
    detail: 'Nothing was changed. Try again.',
  },
  outcome_unknown: {
    type: 'outcome-unknown',
    status: 503,
    title: 'The outcome is unknown',
    detail:
      'The change may have been applied, or may be applied later. It is safe to repeat; a send needs its Idempotency-Key.',
  },
  not_ready: { type: 'not-ready', status: 503, title: 'The service is not ready' },
};

/** Details of one occurrence of a problem, beyond its row in the table. They contain no long quotes of the request. */
export interface ProblemDetails {
  readonly detail?: string;
  readonly fieldErrors?: readonly FieldError[];
  /** The methods that the path supports. */
  readonly allow?: string;
  /** Seconds to wait, if not `RETRY_AFTER`. */
  readonly retryAfter?: number;
}

/** An error of the HTTP layer. The error handler answers it with the problem of its code. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly code: HttpFailureCode;
  readonly details: ProblemDetails;

  constructor(code: HttpFailureCode, details: ProblemDetails = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

const TYPE_PREFIX = 'urn:problem:messenger:';
const INSTANCE_PREFIX = 'urn:messenger:request:';

/** The default Retry-After of a 503 or 429, in seconds. */
export const RETRY_AFTER = '1';

/** The problem document for `code` and the request with this id. */
export function problemOf(
  code: ProblemCode,
  requestId: string,
  { detail, fieldErrors }: ProblemDetails = {},
): Problem {
  const row = PROBLEMS[code];
  const text = detail ?? row.detail ?? `${row.title}.`;
  const errors = fieldErrors ?? (row.at === undefined ? undefined : [{ ...row.at, detail: text }]);
  return {
    type: TYPE_PREFIX + row.type,
    title: row.title,
    status: row.status,
    detail: text,
    instance: INSTANCE_PREFIX + requestId,
    ...(errors !== undefined && { errors: [...errors] }),
  };
}

/** The response for `code`. */
export function problemResponse(c: Context, code: ProblemCode, more: ProblemDetails = {}): Response {
  const { status } = PROBLEMS[code];
  const problem = problemOf(code, c.get('requestContext').requestId, more);
  return respond(c, JSON.stringify(problem), status, 'application/problem+json', {
    ...((status === 503 || status === 429) && { 'Retry-After': more.retryAfter?.toString() ?? RETRY_AFTER }),
    // RFC 6750 defines no error code for a request without a token.
    ...(status === 401 && {
      'WWW-Authenticate': code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"',
    }),
    // RFC 9110 15.5.16: this header distinguishes a 415 for a coding from one for a media type.
    ...(code === 'unsupported_content_coding' && { 'Accept-Encoding': 'identity' }),
    // A host may close the connection without reading the rest of the body, so no other request should use it.
    ...(status === 413 && { Connection: 'close' }),
    ...(more.allow !== undefined && { Allow: more.allow }),
  });
}

/** The response for `code` if there is no valid request that the app could answer. */
export function standaloneProblem(code: ProblemCode): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const requestId = crypto.randomUUID();
  return {
    status: PROBLEMS[code].status,
    headers: { ...SECURITY_HEADERS, 'Content-Type': 'application/problem+json', 'X-Request-Id': requestId },
    body: JSON.stringify(problemOf(code, requestId)),
  };
}

const fieldErrorDetail = z.string().openapi({ description: 'The error, or the rule that is violated.' });

const FieldErrorSchema = z
  .union([
    z.strictObject({
      pointer: z
        .string()
        .openapi({ description: 'A member of the body, as a JSON Pointer in a URI fragment (RFC 6901).' }),
      detail: fieldErrorDetail,
    }),
    z.strictObject({
      parameter: z.string().openapi({ description: 'A path or query parameter.' }),
      detail: fieldErrorDetail,
    }),
    z.strictObject({
      header: z.string().openapi({ description: 'A request header.' }),
      detail: fieldErrorDetail,
    }),
  ])
  .openapi('FieldError', { description: 'An invalid part of the request.' });

const tableInMarkdown = [
  '| type | status | title |',
  '| --- | --- | --- |',
  ...Object.values(PROBLEMS).map(
    ({ type, status, title }) => `| \`${TYPE_PREFIX}${type}\` | ${status} | ${title} |`,
  ),
].join('\n');

export const ProblemSchema = z
  .strictObject({
    type: z.enum(Object.values(PROBLEMS).map(({ type }) => TYPE_PREFIX + type)).openapi({
      description: 'The type of the problem. Types are stable, so programs can rely on them.',
    }),
    title: z.string().openapi({ description: 'A summary of the type, for people.' }),
    status: z.int().openapi({ description: 'The HTTP status.' }),
    detail: z.string().openapi({ description: 'An explanation of this occurrence, for people.' }),
    instance: z.string().openapi({ description: 'This occurrence; contains the X-Request-Id.' }),
    errors: z.array(FieldErrorSchema).min(1).optional(),
  })
  .openapi('Problem', {
    description: `An error as defined by RFC 9457. These types exist:\n\n${tableInMarkdown}`,
  });

export type Problem = z.infer<typeof ProblemSchema>;
