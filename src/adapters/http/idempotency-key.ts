import type { Context } from 'hono';
import { IDEMPOTENCY_KEY_PATTERN, idempotencyKeyFrom, type IdempotencyKey } from '../../domain/ids.ts';
import { HttpFailure } from './problems.ts';

/** The header `Idempotency-Key` in the OpenAPI document. */
export const idempotencyKeyParameter = (what: string) =>
  ({
    in: 'header',
    name: 'Idempotency-Key',
    description: `A key that identifies ${what}: 1–255 visible ASCII characters, such as a random UUID.`,
    // No example: Swagger UI would send it each time, and the second request would be refused.
    schema: { type: 'string', pattern: IDEMPOTENCY_KEY_PATTERN.source, minLength: 1, maxLength: 255 },
  }) as const;

/** The response header of a request whose key was used before, in the OpenAPI document. */
export const REPLAYED_HEADER = {
  'Idempotency-Replayed': {
    description: 'Present if the key was used before. The body is then the result of the earlier request.',
    schema: { type: 'string' },
    example: 'true',
  },
} as const;

/**
 * The key of a request, or null. Throws an `HttpFailure` if it is invalid. It is not checked by zod, whose header
 * validator copies all headers of each request.
 */
export function idempotencyKeyOf(c: Context): IdempotencyKey | null {
  const given = c.req.header('Idempotency-Key');
  if (given === undefined) return null;
  const key = idempotencyKeyFrom(given);
  if (key !== null) return key;
  throw new HttpFailure('invalid_request', {
    fieldErrors: [{ header: 'Idempotency-Key', detail: 'must be 1–255 visible ASCII characters' }],
  });
}
