import { z } from '@hono/zod-openapi';
import {
  conversationIdFrom,
  MESSAGE_ID_PATTERN,
  messageIdFrom,
  USER_ID_PATTERN,
  userIdFrom,
} from '../../../domain/ids.ts';
import { positionAtTimestamp } from '../../../domain/time.ts';

/*
 * The schemas of values in requests and responses. Zod checks the shape, the domain checks the meaning, and the OpenAPI
 * document describes both.
 */

/** Text that `read` parses. If `read` returns null, the error is `rule`. */
export function text<Value>(read: (given: string) => Value | null, rule: string) {
  return z.string({ error: rule }).transform((given, context) => {
    const value = read(given);
    if (value !== null) return value;
    context.addIssue({ code: 'custom', message: rule });
    return z.NEVER;
  });
}

/** A whole number from `from` to `to` in a query. Other values get the error `rule`. */
export function wholeNumber(from: number, to: number, rule: string) {
  return text((given) => {
    const number = /^\d+$/.test(given) ? Number(given) : NaN;
    return number >= from && number <= to ? number : null;
  }, rule);
}

const USER_ID_RULE = 'must be 1–64 characters from A–Z a–z 0–9 . _ : @ - and neither . nor ..';
const USER_ID = { pattern: USER_ID_PATTERN.source, minLength: 1, maxLength: 64, example: 'alice' };

export const userIdInPath = text(userIdFrom, USER_ID_RULE).openapi({
  ...USER_ID,
  param: { description: 'The id of a user, chosen by the client.' },
});

const USER_ID_IN_BODY_RULE = `${USER_ID_RULE}; or a non-negative whole number`;

/** Whole numbers are ids, too: 1 is the user '1'. */
export const userIdInBody = z
  .union([z.string(), z.int(USER_ID_IN_BODY_RULE).nonnegative(USER_ID_IN_BODY_RULE)], {
    error: USER_ID_IN_BODY_RULE,
  })
  .transform((given, context) => {
    const id = userIdFrom(String(given));
    if (id !== null) return id;
    context.addIssue({ code: 'custom', message: USER_ID_IN_BODY_RULE });
    return z.NEVER;
  })
  .openapi({
    anyOf: [
      { type: 'string', ...USER_ID },
      { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, example: 1 },
    ],
    description: 'The id of a user, chosen by the client. A whole number means its decimal digits.',
    example: 'alice',
  });

export const conversationIdInPath = text(conversationIdFrom, 'must be a UUID').openapi({
  format: 'uuid',
  param: { description: 'The id of a conversation.' },
  example: '9763e288-d989-55b2-b4f9-d793723eb9ef',
});

export const messageIdInPath = text(messageIdFrom, 'must be the id of a message').openapi({
  format: 'uuid',
  pattern: MESSAGE_ID_PATTERN.source,
  param: { description: 'The id of a message.' },
  example: '019c1363-4a3b-71c8-b15c-0ffee0ddba11',
});

export const eventIdInBody = text(messageIdFrom, 'must be the id of an event or of a message').openapi({
  format: 'uuid',
  pattern: MESSAGE_ID_PATTERN.source,
  description:
    'The id of an event or of a message: the last_event_id of an inbox entry, or the id of the last message ' +
    'that the user has seen.',
  example: '019c1363-4a3b-71c8-b15c-0ffee0ddba11',
});

export const booleanInQuery = text(
  (given) => (given === 'true' ? true : given === 'false' ? false : null),
  'must be true or false',
).openapi({ type: 'boolean' });

export const timestampInQuery = text(
  positionAtTimestamp,
  'must be an RFC 3339 time, such as 2026-01-31T09:30:00Z',
).openapi({ format: 'date-time' });

/** Text of at most `maxLength` code points. The domain checks its rules. */
export function writtenText(maxLength: number) {
  return z.string({ error: 'must be text' }).openapi({
    minLength: 1,
    maxLength,
    // Validators match this in linear time, because no character matches two adjacent repetitions.
    pattern: String.raw`^\s*[^\s\x00][^\x00]*$`,
    description: 'Unicode text that is not blank, without NUL and without unpaired surrogates.',
  });
}

export const userId = z.string().openapi({ ...USER_ID, description: 'The id of a user.' });

export const conversationId = z.string().openapi({
  format: 'uuid',
  description: 'The id of a conversation. Two users always have the same one; a group has its own.',
  example: '9763e288-d989-55b2-b4f9-d793723eb9ef',
});

export const messageId = z.string().openapi({
  format: 'uuid',
  description: 'A UUIDv7. As text, ids sort in the order of the messages.',
  example: '019c1363-4a3b-71c8-b15c-0ffee0ddba11',
});

export const eventId = z.string().openapi({
  format: 'uuid',
  description: 'A position in the order of events. As text, ids sort in that order.',
  example: '019c1363-4a3b-71c8-b15c-0ffee0ddba11',
});

const TIME_PATTERN = String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$`;

export const timeOrNull = z
  .string()
  .nullable()
  .openapi({ format: 'date-time', pattern: TIME_PATTERN, example: null });

export const time = z.string().openapi({
  format: 'date-time',
  pattern: TIME_PATTERN,
  description:
    'RFC 3339 in UTC with nine fractional digits. As before_timestamp it is an exact position in a history.',
  example: '2026-01-31T09:30:00.123456789Z',
});
