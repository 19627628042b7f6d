import type { Context } from 'hono';
import type { UserId } from '../../domain/ids.ts';
import type { CallerOf } from './authentication.ts';
import { HttpFailure, type Fault } from './problems.ts';

/**
 * The member `name` of a body, which says for whom the caller acts. A caller who is a user may leave it out; a service
 * acts for nobody in particular, and has to give it.
 */
export function namedUser(name: string, callerOf: CallerOf) {
  const missing: Fault = { pointer: `#/${name}`, detail: 'must be given' };
  return {
    /** The user: `given`, or the caller. */
    idFor: (c: Context, given: UserId | undefined): UserId => {
      if (given !== undefined) return given;
      const caller = callerOf(c);
      if (caller.kind === 'user') return caller.userId;
      throw new HttpFailure('invalid_request', { faults: [missing] });
    },

    /** All faults of a body at once: also that the member is missing. */
    faultsInBody: (c: Context, body: unknown, faults: Fault[]): Fault[] => {
      const isMissing = isRecord(body) && body[name] === undefined && callerOf(c).kind === 'service';
      return isMissing ? [missing, ...faults] : faults;
    },
  };
}

function isRecord(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
