import { parseArgs } from 'node:util';
import { microsecondsOf, positionAtTimestamp, type Microseconds } from '../../src/domain/time.ts';
import { DAY } from './message-times.ts';
import { MIN_USERS, maxConversationsOf, type Parameters } from './conversations.ts';

export const HELP = `npm run seed [-- options]

Writes test data: users, conversations of the last four weeks, and five special conversations of user 1: one of several
pages, one over two years, one with a single message, one without messages, and one with oneself. The target is the storage
in the environment (STORAGE, CASSANDRA_...), or by default the local Cassandra of npm run cassandra or
npm run start:cassandra.

  --users N          users 1 to N; default 10
  --conversations N  conversations between two of them, besides the special ones; default 15
  --messages N       total messages in these conversations; default 40 times their number
  --seed TEXT        the random seed; default 1
  --until TIME       RFC 3339; all messages are before this time; default the start of the current day in UTC
  --help             this text

The same options give the same data, including ids and times. A second run on the same day, or with the same --until,
writes the same rows again; after a failure it completes them. A run with other options adds data.
`;

/** Invalid arguments. The message is a sentence for the user, without its full stop. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const MAX_USERS = 1_000_000;
/** A run takes some hundred bytes of memory for each conversation. */
const MAX_CONVERSATIONS = 1_000_000;
const MAX_MESSAGES = 1_000_000_000;

/** The data starts two years before --until, and ids can't have times before 1970. */
const EARLIEST_UNTIL: Microseconds = Date.UTC(1973, 0) * 1000;

/** Parses `args` at the time `now`. Throws a `UsageError`. */
export function parametersFrom(args: readonly string[], now: Microseconds): Parameters | 'help' {
  const given = optionsFrom(args);
  if (given.help === true) return 'help';
  const users = countFrom('--users', given.users ?? '10', MIN_USERS, MAX_USERS);
  const maxConversations = Math.min(maxConversationsOf(users), MAX_CONVERSATIONS);
  const conversations = countFrom(
    `--conversations with ${users} users`,
    given.conversations ?? '15',
    1,
    maxConversations,
  );
  const messages = countFrom(
    `--messages with ${conversations} conversations`,
    given.messages ?? (40 * conversations).toString(),
    conversations,
    MAX_MESSAGES,
  );
  const until = given.until === undefined ? now - (now % DAY) : untilFrom(given.until, now);
  return { seed: given.seed ?? '1', until, users, conversations, messages };
}

const OPTIONS = {
  users: { type: 'string' },
  conversations: { type: 'string' },
  messages: { type: 'string' },
  seed: { type: 'string' },
  until: { type: 'string' },
  help: { type: 'boolean' },
} as const;

function optionsFrom(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    // The rest of Node's message is a suggestion.
    throw new UsageError((error as Error).message.split(/\.\s/)[0]);
  }
}

function countFrom(name: string, text: string, min: number, max: number): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (count >= min && count <= max) return count;
  throw new UsageError(`${name} takes a whole number from ${min} to ${max}, not '${text}'`);
}

function untilFrom(text: string, now: Microseconds): Microseconds {
  const position = positionAtTimestamp(text);
  const until = position === null ? NaN : microsecondsOf(position);
  if (until >= EARLIEST_UNTIL && until <= now) return until;
  throw new UsageError(`--until takes a time in RFC 3339 between 1973 and now, not '${text}'`);
}
