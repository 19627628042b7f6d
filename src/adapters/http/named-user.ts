import type { Context } from 'hono';
import type { UserId } from '../../domain/ids.ts';
import type { CallerOf } from './middleware/authentication.ts';
import { HttpFailure, type FieldError } from './problems.ts';

/**
 * The member `name` of a body, which says for whom the caller acts. A caller who is a user may leave it out; a service
 * acts for nobody in particular, and has to give it.
 */
export function namedUser(name: string, callerOf: CallerOf) {
  const missing: FieldError = { pointer: `#/${name}`, detail: 'must be given' };
  return {
    /** The user: `given`, or the caller. */
    idFor: (c: Context, given: UserId | undefined): UserId => {
      if (given !== undefined) return given;
      const caller = callerOf(c);
      if (caller.kind === 'user') return caller.userId;
      throw new HttpFailure('invalid_request', { fieldErrors: [missing] });
    },

    /** All errors of a body at once: also that the member is missing. */
    bodyFieldErrors: (c: Context, body: unknown, fieldErrors: FieldError[]): FieldError[] => {
      const isMissing = isRecord(body) && body[name] === undefined && callerOf(c).kind === 'service';
      return isMissing ? [missing, ...fieldErrors] : fieldErrors;
    },
  };
}

function isRecord(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
