import type { UserId } from '../../src/domain/ids.ts';
import type { Microseconds } from '../../src/domain/time.ts';
import { chatting, introducing, noting, type Voice } from './phrases.ts';
import { below, randomOf } from './random.ts';
import { DAY, exchanges, rhythmOf, type Rhythm } from './rhythm.ts';

/** What decides on the data: from equal parameters come equal data, to the last digit of each id. */
export interface Parameters {
  readonly seed: string;
  /** All that is said was said before. */
  readonly until: Microseconds;
  /** Users are called `1`, `2` and so on. At least `FEWEST_USERS`. */
  readonly users: number;
  /** At most `mostConversations(users)`. */
  readonly conversations: number;
  /** In these conversations together: at least one in each. Those of the special ones come on top. */
  readonly messages: number;
}

/** A conversation, and all that decides on what is said in it. */
export interface Talk {
  readonly participantIds: readonly [UserId, UserId];
  /** When it is started without a message; null where its first message starts it. */
  readonly startedAt: Microseconds | null;
  readonly messages: number;
  readonly perExchange: number;
  readonly at: Rhythm;
  readonly voice: Voice;
}

/** One message to be sent. */
export interface Line {
  readonly time: Microseconds;
  readonly senderId: UserId;
  readonly receiverId: UserId;
  readonly content: string;
}

/** How far back the oldest message lies. */
export const LONGEST: Microseconds = 730 * DAY;

const RECENT = 28 * DAY;
const USUAL_EXCHANGE = 6;

/** User 1 has a special conversation with each of the others of them. */
export const FEWEST_USERS = 5;

/** How many pairs of users have no special conversation. */
export function mostConversations(users: number): number {
  return (users * (users - 1)) / 2 - (FEWEST_USERS - 1);
}

export function userIdOf(number: number): UserId {
  return number.toString() as UserId;
}

/** A conversation that is there to look at what is rare. */
export interface SpecialTalk extends Talk {
  /** What it shows. */
  readonly title: string;
}

/** The special conversations: one for each thing that is rare, all of them in the inbox of user 1. */
export function specialTalks({
  seed,
  until,
}: Parameters): Readonly<Record<'paged' | 'old' | 'single' | 'empty' | 'notes', SpecialTalk>> {
  const recently = rhythmOf(until - RECENT, until);
  const withUser = (number: number, messages: number): Talk => ({
    participantIds: [userIdOf(1), userIdOf(number)],
    startedAt: null,
    messages,
    perExchange: USUAL_EXCHANGE,
    at: recently,
    voice: chatting(randomOf(seed, 'special', number)),
  });
  const twoYears = rhythmOf(until - LONGEST, until);
  const someTime = recently(randomOf(seed, 'empty')());
  return {
    paged: { ...withUser(2, 65), title: 'more than a page' },
    old: { ...withUser(3, 75), title: 'a few messages a month for two years', perExchange: 2, at: twoYears },
    single: { ...withUser(4, 1), title: 'a single message, longer than its preview', voice: introducing },
    empty: { ...withUser(5, 0), title: 'no message yet', startedAt: someTime },
    notes: { ...withUser(1, 6), title: 'notes to oneself', perExchange: 1, voice: noting },
  };
}

/** The other conversations, one after another: each between two users whom chance brought together. */
export function* randomTalks(parameters: Parameters): Generator<Talk> {
  const { seed, until, conversations } = parameters;
  const recently = rhythmOf(until - RECENT, until);
  const pairs = randomPairs(parameters);
  const sizes = randomSizes(parameters);
  const random = randomOf(seed, 'talks');
  for (let index = 0; index < conversations; index += 1) {
    const unheard = random() / 2;
    yield {
      participantIds: pairs.next().value,
      startedAt: null,
      messages: sizes(index),
      perExchange: USUAL_EXCHANGE,
      at: (share) => recently(unheard + (1 - unheard) * share),
      voice: chatting(random),
    };
  }
}

/** What is said in `talk`, in order of time, computed as it is read: no more of it is in memory than a line. */
export function* linesOf(talk: Talk, { seed, until }: Parameters): Generator<Line> {
  const [one, other] = talk.participantIds;
  const random = randomOf(seed, 'lines', one, other);
  const { messages: count, perExchange, at, voice } = talk;
  let senderId = one;
  let content = '';
  let index = 0;
  for (const { time, part } of exchanges({ count, perExchange, at, to: until, random })) {
    const said = { index, part, random };
    const before = content;
    content = voice(said);
    // Drawn once more, since people seldom say a thing twice in a row.
    if (content === before) content = voice(said);
    if (random() < 0.7) senderId = senderId === one ? other : one;
    yield { time, senderId, receiverId: senderId === one ? other : one, content };
    index += 1;
  }
}

/** Pairs without end (as long as there are some left), none twice, and none that has a special conversation. */
function* randomPairs({ seed, users }: Parameters): Generator<readonly [UserId, UserId], never> {
  const random = randomOf(seed, 'pairs');
  const taken = new Set<number>();
  for (;;) {
    const one = 1 + below(users, random);
    const other = 1 + below(users, random);
    const pair = Math.min(one, other) * users + Math.max(one, other);
    const isSpecial = Math.min(one, other) === 1 && Math.max(one, other) <= FEWEST_USERS;
    if (one === other || isSpecial || taken.has(pair)) continue;
    taken.add(pair);
    yield [userIdOf(one), userIdOf(other)];
  }
}

/** How many messages the conversation of an index has: many in a few, a few in many, and all together as asked. */
function randomSizes({ seed, conversations, messages }: Parameters): (index: number) => number {
  const random = randomOf(seed, 'sizes');
  const weights = new Float64Array(conversations + 1);
  for (let index = 0; index < conversations; index += 1) {
    const chance = random();
    weights[index + 1] = (weights[index] ?? 0) + chance * chance * chance;
  }
  const all = weights[conversations] ?? 0;
  const spare = messages - conversations;
  const spent = (index: number): number => Math.floor(spare * ((weights[index] ?? 0) / all));
  return (index) => 1 + spent(index + 1) - spent(index);
}
