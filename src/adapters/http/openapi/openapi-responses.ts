import type { RouteConfig, z } from '@hono/zod-openapi';
import {
  PROBLEMS,
  problemOf,
  ProblemSchema,
  RETRY_AFTER,
  type FieldError,
  type ProblemCode,
} from '../problems.ts';

/*
 * The responses in the OpenAPI document.
 */

const EXAMPLE_REQUEST_ID = '0b5ed1f4-8c55-4c5e-a2f6-3a1c1f0d9a57';

type Headers = Record<
  string,
  { description: string; schema: { type: 'string' | 'integer' }; example: string | number }
>;

/** The headers of every response. */
export const COMMON_HEADERS: Headers = {
  'X-Request-Id': {
    description: 'The X-Request-Id of the request if it is well-formed, or else a new one.',
    schema: { type: 'string' },
    example: EXAMPLE_REQUEST_ID,
  },
};

const RETRY_HEADERS: Headers = {
  'Retry-After': {
    description: 'The number of seconds after which to retry.',
    schema: { type: 'integer' },
    example: Number(RETRY_AFTER),
  },
};

/** Problems of authentication and rate limits. */
const CALLER_PROBLEMS = [
  'token_missing',
  'token_invalid',
  'token_expired',
  'keys_unavailable',
  'rate_limited',
] as const;

/** Problems of a request body. */
export const BODY_PROBLEMS = [
  'invalid_request',
  'malformed_body',
  'body_too_large',
  'unsupported_media_type',
  'unsupported_content_coding',
] as const;

/** Problems of the query of a list. */
export const LIST_PROBLEMS = ['invalid_request', 'invalid_cursor', 'page_too_deep'] as const;

const CHALLENGE_HEADERS: Headers = {
  'WWW-Authenticate': {
    description: 'The authentication scheme, and the error if a token was sent (RFC 6750).',
    schema: { type: 'string' },
    example: 'Bearer',
  },
};

const LIMIT_HEADERS: Headers = {
  'RateLimit-Policy': {
    description:
      'The rate limit: q is the size of the bucket (the largest burst), w the seconds in which an empty bucket fills.',
    schema: { type: 'string' },
    example: '"writes";q=50;w=5',
  },
  RateLimit: {
    description:
      'The state of the bucket: r is the number of requests left, t the seconds until it is full. Every rate-limited response has it.',
    schema: { type: 'string' },
    example: '"writes";r=0;t=5',
  },
};

/** Problems of every route that reads from storage. */
export const READ_PROBLEMS = ['internal_error', 'overloaded', 'unavailable', ...CALLER_PROBLEMS] as const;

/** Problems of every route that writes to storage. */
export const WRITE_PROBLEMS = [...READ_PROBLEMS, 'clock_not_verified', 'outcome_unknown'] as const;

/** A JSON response. */
export function jsonResponse<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers: Headers = {},
) {
  return {
    description,
    headers: { ...COMMON_HEADERS, ...headers },
    content: { 'application/json': { schema } },
  };
}

/** A response without a body. */
export function emptyResponse(description: string) {
  return { description, headers: COMMON_HEADERS };
}

/**
 * The error responses for `codes`, grouped by status. The first code of a status is its example. `fieldError` is the
 * example of an invalid request of this route.
 */
export function problemResponses(
  codes: readonly ProblemCode[],
  fieldError?: FieldError,
): RouteConfig['responses'] {
  const responses: RouteConfig['responses'] = {};
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    if (status in responses) continue;
    const alternatives = codes.filter((other) => PROBLEMS[other].status === status);
    responses[status] = {
      description: alternatives.map((other) => `${PROBLEMS[other].title}.`).join(' '),
      headers: {
        ...COMMON_HEADERS,
        ...(status === 401 && CHALLENGE_HEADERS),
        ...(status === 429 && LIMIT_HEADERS),
        ...((status === 503 || status === 429) && RETRY_HEADERS),
      },
      content: {
        'application/problem+json': {
          schema: ProblemSchema,
          // Only one example: Swagger UI shows each at full height, and the description lists all titles.
          example: exampleOf(code, fieldError),
        },
      },
    };
  }
  return responses;
}

function exampleOf(code: ProblemCode, fieldError: FieldError | undefined) {
  const more = code === 'invalid_request' && fieldError !== undefined ? { fieldErrors: [fieldError] } : {};
  return problemOf(code, EXAMPLE_REQUEST_ID, more);
}
