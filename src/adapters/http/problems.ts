import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { StorageFailureKind } from '../../application/ports/storage-failure.ts';
import type { RefusalCode } from '../../domain/refusal.ts';
import { respond } from './respond.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** HTTP's own ways to say no: the messenger was not asked, or broke. */
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

/** The part of a request that is at fault. */
type Place = { readonly pointer: string } | { readonly parameter: string } | { readonly header: string };

/** What is wrong with one part of a request. */
export type FieldError = Place & { readonly detail: string };

interface Row {
  /** What tells this problem from all others on the wire. It never changes. */
  readonly type: string;
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** The sentence for a caller, where whoever says no brings none. */
  readonly detail?: string;
  /** Where the fault lies, where it is always the same part. */
  readonly at?: Place;
}

const CONTENT: Place = { pointer: '#/content' };
const USERNAME: Place = { pointer: '#/username' };
const TOKEN: Place = { header: 'Authorization' };

/** Every no, as HTTP says it. Both the answers and the OpenAPI document are made of this table. */
export const PROBLEMS: Readonly<Record<ProblemCode, Row>> = {
  malformed_request: { type: 'malformed-request', status: 400, title: 'The request is not well-formed HTTP' },
  malformed_path: {
    type: 'malformed-path',
    status: 400,
    title: 'The path is not percent-encoded UTF-8',
  },
  malformed_body: {
    type: 'malformed-body',
    status: 400,
    title: 'The body is not JSON',
    detail: 'The body must be JSON in UTF-8.',
    at: { pointer: '#' },
  },
  invalid_request: {
    type: 'invalid-request',
    status: 400,
    title: 'The request is not of the shape that this route takes',
    detail: 'Each of the errors names a part of the request and what it must be.',
  },
  invalid_cursor: {
    type: 'invalid-cursor',
    status: 400,
    title: 'The cursor is not of this list',
    detail: 'The cursor must be a next_cursor of this very list, unchanged.',
    at: { parameter: 'cursor' },
  },
  page_too_deep: {
    type: 'page-too-deep',
    status: 400,
    title: 'The page lies deeper than page numbers reach',
    at: { parameter: 'page' },
  },
  content_blank: { type: 'content-blank', status: 400, title: 'The content is blank', at: CONTENT },
  content_too_long: { type: 'content-too-long', status: 400, title: 'The content is too long', at: CONTENT },
  content_not_text: {
    type: 'content-not-text',
    status: 400,
    title: 'The content is no text that can be kept',
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
    title: 'The username is no text that can be kept',
    at: USERNAME,
  },
  token_missing: {
    type: 'token-missing',
    status: 401,
    title: 'A token is missing',
    detail: 'This service tells its callers apart: Authorization must be Bearer and a token.',
    at: TOKEN,
  },
  token_invalid: {
    type: 'token-invalid',
    status: 401,
    title: 'The token is not valid here',
    detail: 'It is not of the issuer, the audience, the key or the kind that this service takes.',
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
  reader_is_another: {
    type: 'reader-is-another',
    status: 403,
    title: 'The reader is not the caller',
    at: { pointer: '#/user_id' },
  },
  inbox_of_another: {
    type: 'inbox-of-another',
    status: 403,
    title: 'The inbox is not the caller’s',
    at: { parameter: 'user_id' },
  },
  events_of_another: {
    type: 'events-of-another',
    status: 403,
    title: 'The events are not the caller’s',
    at: { parameter: 'user_id' },
  },
  name_of_another: {
    type: 'name-of-another',
    status: 403,
    title: 'The name is not the caller’s',
    at: { parameter: 'user_id' },
  },
  path_not_found: { type: 'path-not-found', status: 404, title: 'There is nothing at this path' },
  conversation_not_found: {
    type: 'conversation-not-found',
    status: 404,
    title: 'There is no such conversation',
  },
  user_not_found: { type: 'user-not-found', status: 404, title: 'There is no such user' },
  method_not_allowed: {
    type: 'method-not-allowed',
    status: 405,
    title: 'This path does not take this method',
    detail: 'The Allow header names the methods that it takes.',
  },
  cursor_expired: {
    type: 'cursor-expired',
    status: 410,
    title: 'The cursor is older than the log of events',
    at: { parameter: 'cursor' },
  },
  request_too_slow: {
    type: 'request-too-slow',
    status: 408,
    title: 'The request did not arrive in time',
    detail: 'Some of it was still missing, and nothing was changed.',
  },
  body_too_large: {
    type: 'body-too-large',
    status: 413,
    title: 'The body is too large',
    detail: 'A body has at most 256 KiB.',
  },
  unsupported_media_type: {
    type: 'unsupported-media-type',
    status: 415,
    title: 'The body is of another media type',
    detail: 'The body must be application/json, and say so in Content-Type.',
    at: { header: 'Content-Type' },
  },
  unsupported_content_coding: {
    type: 'unsupported-content-coding',
    status: 415,
    title: 'The body is compressed',
    detail: 'The body must be sent as it is, without Content-Encoding.',
    at: { header: 'Content-Encoding' },
  },
  idempotency_key_reused: {
    type: 'idempotency-key-reused',
    status: 422,
    title: 'The idempotency key was used before, with another body',
    at: { header: 'Idempotency-Key' },
  },
  rate_limited: {
    type: 'rate-limited',
    status: 429,
    title: 'Too many requests in too short a time',
    detail: 'Nothing was changed. Please wait as long as Retry-After says.',
  },
  too_many_streams: {
    type: 'too-many-streams',
    status: 429,
    title: 'The user has too many streams open',
    detail: 'A user can follow their events on a limited number of connections at a time.',
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
    title: 'Something went wrong on our side',
    detail: 'It was noted under the id of this request.',
  },
  unsupported_transfer_coding: {
    type: 'unsupported-transfer-coding',
    status: 501,
    title: 'The transfer coding is not supported',
    detail: 'Transfer-Encoding must be chunked, or left out. Nothing was changed.',
    at: { header: 'Transfer-Encoding' },
  },
  overloaded: {
    type: 'overloaded',
    status: 503,
    title: 'The service is busy',
    detail: 'It has as many requests in progress as it can serve. Nothing was changed. Please try again.',
  },
  clock_not_verified: {
    type: 'clock-not-verified',
    status: 503,
    title: 'The clock of the service is not verified',
    detail:
      'The service takes no writes and shows no events until its clock is verified. Nothing was stored. Please try again.',
  },
  keys_unavailable: {
    type: 'keys-unavailable',
    status: 503,
    title: 'Tokens can’t be checked for now',
    detail: 'The keys of those who issue tokens can’t be had. Nothing was changed. Please try again.',
  },
  unavailable: {
    type: 'storage-unavailable',
    status: 503,
    title: 'Storage is unavailable',
    detail: 'Nothing was changed. Please try again.',
  },
  outcome_unknown: {
    type: 'outcome-unknown',
    status: 503,
    title: 'It is unknown whether this was done',
    detail:
      'It may have been done, or may yet be. It is safe to repeat; a message, under its Idempotency-Key.',
  },
  not_ready: { type: 'not-ready', status: 503, title: 'The service is not ready' },
};

/** What a problem says beyond its row in the table, for the caller; it quotes nothing at length. */
export interface ProblemDetails {
  readonly detail?: string;
  readonly fieldErrors?: readonly FieldError[];
  /** The methods that the path takes. */
  readonly allow?: string;
  /** Seconds to wait, where they are not the usual ones. */
  readonly retryAfter?: number;
}

/** Says no on HTTP's own account. */
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

/** Seconds after which a request that found the service busy, or storage away, may be tried again. */
export const RETRY_AFTER = '1';

/** `code` as it is said to the request with this id. */
export function problemOf(
  code: ProblemCode,
  requestId: string,
  { detail, fieldErrors }: ProblemDetails = {},
): Problem {
  const row = PROBLEMS[code];
  const sentence = detail ?? row.detail ?? `${row.title}.`;
  const errors = fieldErrors ?? (row.at === undefined ? undefined : [{ ...row.at, detail: sentence }]);
  return {
    type: TYPE_PREFIX + row.type,
    title: row.title,
    status: row.status,
    detail: sentence,
    instance: INSTANCE_PREFIX + requestId,
    ...(errors !== undefined && { errors: [...errors] }),
  };
}

/** The answer that says `code`. */
export function problemAnswer(c: Context, code: ProblemCode, more: ProblemDetails = {}): Response {
  const { status } = PROBLEMS[code];
  const problem = problemOf(code, c.get('requestContext').requestId, more);
  return respond(c, JSON.stringify(problem), status, 'application/problem+json', {
    ...((status === 503 || status === 429) && { 'Retry-After': more.retryAfter?.toString() ?? RETRY_AFTER }),
    // RFC 6750 has no error for who brought no token.
    ...(status === 401 && {
      'WWW-Authenticate': code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"',
    }),
    // RFC 9110 15.5.16: it tells a 415 for a coding from one for a media type.
    ...(code === 'unsupported_content_coding' && { 'Accept-Encoding': 'identity' }),
    // A host that does not wait for the rest of the body ends the connection; no other request should be on it.
    ...(status === 413 && { Connection: 'close' }),
    ...(more.allow !== undefined && { Allow: more.allow }),
  });
}

/** `code` where there is no request that an app could answer. */
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

const faultDetail = z.string().openapi({ description: 'What is wrong with it, or what it must be.' });

const FaultSchema = z
  .union([
    z.strictObject({
      pointer: z
        .string()
        .openapi({ description: 'A member of the body, as a JSON Pointer in a URI fragment.' }),
      detail: faultDetail,
    }),
    z.strictObject({
      parameter: z.string().openapi({ description: 'A parameter of the path or of the query.' }),
      detail: faultDetail,
    }),
    z.strictObject({
      header: z.string().openapi({ description: 'A header of the request.' }),
      detail: faultDetail,
    }),
  ])
  .openapi('FieldError', { description: 'What is wrong with one part of the request.' });

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
      description: 'Which problem this is. It never changes, so that programs may rely on it.',
    }),
    title: z.string().openapi({ description: 'The type in words.' }),
    status: z.int().openapi({ description: 'The status of the answer.' }),
    detail: z.string().openapi({ description: 'What happened this time, for people.' }),
    instance: z.string().openapi({ description: 'This occurrence: names the X-Request-Id.' }),
    errors: z.array(FaultSchema).min(1).optional(),
  })
  .openapi('Problem', { description: `A no, as RFC 9457 has it.\n\n${tableInMarkdown}` });

export type Problem = z.infer<typeof ProblemSchema>;
