import type { Context } from 'hono';
import type { UserId } from '../../domain/ids.ts';
import type { CallerOf } from './middleware/authentication.ts';
import { HttpFailure, type FieldError } from './problems.ts';

/**
 * The body member `name`, which contains the user for whom the caller acts. A user may omit it; a service must give it.
 */
export function namedUser(name: string, callerOf: CallerOf) {
  const missing: FieldError = { pointer: `#/${name}`, detail: 'must be given' };
  return {
    /** The user: `given`, or else the caller. Throws an `HttpFailure` if a service gives none. */
    idFor: (c: Context, given: UserId | undefined): UserId => {
      if (given !== undefined) return given;
      const caller = callerOf(c);
      if (caller.kind === 'user') return caller.userId;
      throw new HttpFailure('invalid_request', { fieldErrors: [missing] });
    },

    /** All errors of a body, including the error for the missing member. */
    bodyFieldErrors: (c: Context, body: unknown, fieldErrors: FieldError[]): FieldError[] => {
      const isMissing = isRecord(body) && body[name] === undefined && callerOf(c).kind === 'service';
      return isMissing ? [missing, ...fieldErrors] : fieldErrors;
    },
  };
}

function isRecord(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
