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
 * What the OpenAPI document says of answers.
 */

const EXAMPLE_REQUEST_ID = '0b5ed1f4-8c55-4c5e-a2f6-3a1c1f0d9a57';

type Headers = Record<
  string,
  { description: string; schema: { type: 'string' | 'integer' }; example: string | number }
>;

const ANSWER_HEADERS: Headers = {
  'X-Request-Id': {
    description: 'The X-Request-Id of the request where it had a sane one, or one made for it.',
    schema: { type: 'string' },
    example: EXAMPLE_REQUEST_ID,
  },
};

const RETRY_HEADERS: Headers = {
  'Retry-After': {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer' },
    example: Number(RETRY_AFTER),
  },
};

/** What can befall every caller. */
const CALLER_PROBLEMS = [
  'token_missing',
  'token_invalid',
  'token_expired',
  'keys_unavailable',
  'rate_limited',
] as const;

/** How a body can be wrong. */
export const BODY_PROBLEMS = [
  'invalid_request',
  'malformed_body',
  'body_too_large',
  'unsupported_media_type',
  'unsupported_content_coding',
] as const;

/** How the query of a list can be wrong. */
export const LIST_PROBLEMS = ['invalid_request', 'invalid_cursor', 'page_too_deep'] as const;

const CHALLENGE_HEADERS: Headers = {
  'WWW-Authenticate': {
    description: 'How to say who asks (RFC 6750).',
    schema: { type: 'string' },
    example: 'Bearer',
  },
};

const LIMIT_HEADERS: Headers = {
  'RateLimit-Policy': {
    description: 'How many requests there may be at once, and in how many seconds as many again.',
    schema: { type: 'string' },
    example: '"writes";q=50;w=5',
  },
  RateLimit: {
    description:
      'How many are left, and in how many seconds all are there again. Given with every answer, where limited.',
    schema: { type: 'string' },
    example: '"writes";r=0;t=5',
  },
};

/** What can befall whoever reads from storage. */
export const READ_PROBLEMS = ['internal_error', 'overloaded', 'unavailable', ...CALLER_PROBLEMS] as const;

/** What can befall whoever writes to storage. */
export const WRITE_PROBLEMS = [...READ_PROBLEMS, 'clock_not_verified', 'outcome_unknown'] as const;

/** An answer in JSON. */
export function jsonResponse<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers: Headers = {},
) {
  return {
    description,
    headers: { ...ANSWER_HEADERS, ...headers },
    content: { 'application/json': { schema } },
  };
}

/**
 * The answers that say no with one of `codes`, each status with its first one as the example. `fault` is the example of what makes a request of this route an
 * invalid one.
 */
export function problemResponses(
  codes: readonly ProblemCode[],
  fault?: FieldError,
): RouteConfig['responses'] {
  const responses: RouteConfig['responses'] = {};
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    if (status in responses) continue;
    const alternatives = codes.filter((other) => PROBLEMS[other].status === status);
    responses[status] = {
      description: alternatives.map((other) => `${PROBLEMS[other].title}.`).join(' '),
      headers: {
        ...ANSWER_HEADERS,
        ...(status === 401 && CHALLENGE_HEADERS),
        ...(status === 429 && LIMIT_HEADERS),
        ...((status === 503 || status === 429) && RETRY_HEADERS),
      },
      content: {
        'application/problem+json': {
          schema: ProblemSchema,
          // One for all: Swagger UI shows each at full height, and the description names them all.
          example: exampleOf(code, fault),
        },
      },
    };
  }
  return responses;
}

function exampleOf(code: ProblemCode, fault: FieldError | undefined) {
  const more = code === 'invalid_request' && fault !== undefined ? { fieldErrors: [fault] } : {};
  return problemOf(code, EXAMPLE_REQUEST_ID, more);
}
