import { parseArgs } from 'node:util';
import { microsecondsOf, positionAtTimestamp, type Microseconds } from '../../src/domain/time.ts';
import { DAY } from './rhythm.ts';
import { FEWEST_USERS, mostConversations, type Parameters } from './talks.ts';

export const HELP = `npm run seed [-- options]

Fills the storage that the environment names (STORAGE, CASSANDRA_...), or else the local Cassandra that
npm run cassandra or npm run start:cassandra runs, with test data: users, conversations of the last four weeks, and five
special conversations of user 1: one of several pages, one over two years, one with a single message, one without any,
and notes to oneself.

  --users N          users 1 to N; default 10
  --conversations N  conversations between two of them, besides the special ones; default 15
  --messages N       messages in these conversations together; default 40 times their number
  --seed TEXT        what chance begins with; default 1
  --until TIME       RFC 3339; everything was said before it; default the start of this day in UTC
  --help             this text

The same options give the same data, ids and times included. So running it again on the same day, or with the same
--until, writes the same rows again; after a failure it completes them. Other options add to what is there.
`;

/** Arguments that can't be followed. The message is a sentence for people, but for its full stop. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const MOST_USERS = 1_000_000;
/** They decide on the memory that a run takes: some hundred bytes each. */
const MOST_CONVERSATIONS = 1_000_000;
const MOST_MESSAGES = 1_000_000_000;

/** The data reach back two years, and time begins in 1970. */
const EARLIEST_UNTIL: Microseconds = Date.UTC(1973, 0) * 1000;

/** What `args` ask for at the time `now`. Throws a `UsageError`. */
export function parametersFrom(args: readonly string[], now: Microseconds): Parameters | 'help' {
  const given = optionsFrom(args);
  if (given.help === true) return 'help';
  const users = countFrom('--users', given.users ?? '10', FEWEST_USERS, MOST_USERS);
  const mostPairs = Math.min(mostConversations(users), MOST_CONVERSATIONS);
  const conversations = countFrom(
    `--conversations with ${users} users`,
    given.conversations ?? '15',
    1,
    mostPairs,
  );
  const messages = countFrom(
    `--messages with ${conversations} conversations`,
    given.messages ?? (40 * conversations).toString(),
    conversations,
    MOST_MESSAGES,
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
    // The rest of Node's text tells how it might have been meant.
    throw new UsageError((error as Error).message.split(/\.\s/)[0]);
  }
}

function countFrom(name: string, text: string, least: number, most: number): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (count >= least && count <= most) return count;
  throw new UsageError(`${name} takes a whole number from ${least} to ${most}, not '${text}'`);
}

function untilFrom(text: string, now: Microseconds): Microseconds {
  const position = positionAtTimestamp(text);
  const until = position === null ? NaN : microsecondsOf(position);
  if (until >= EARLIEST_UNTIL && until <= now) return until;
  throw new UsageError(`--until takes a time in RFC 3339 between 1973 and now, not '${text}'`);
}
