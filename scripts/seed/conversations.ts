import type { UserId } from '../../src/domain/ids.ts';
import type { Microseconds } from '../../src/domain/time.ts';
import { chatText, introductionText, noteText, type TextGenerator } from './phrases.ts';
import { below, randomOf } from './random.ts';
import { DAY, SECOND, exchanges, activityBetween, type Activity } from './message-times.ts';

/** The parameters of the data: equal parameters give equal data, including all ids. */
export interface Parameters {
  readonly seed: string;
  /** All messages are before this time. */
  readonly until: Microseconds;
  /** The number of users, at least `MIN_USERS`. Their ids are `1`, `2` and so on. */
  readonly users: number;
  /** The number of random conversations, at most `maxConversationsOf(users)`. */
  readonly conversations: number;
  /** The total in the random conversations, at least one in each. The special conversations have further messages. */
  readonly messages: number;
}

/** A conversation, and the parameters of its messages. */
export interface ConversationPlan {
  readonly participantIds: readonly [UserId, UserId];
  /** The time at which it is started without a message; null if its first message starts it. */
  readonly startedAt: Microseconds | null;
  readonly messages: number;
  readonly perExchange: number;
  readonly at: Activity;
  readonly text: TextGenerator;
  /** The messages that are edited and deleted at the end, by their index from 0; by default none. */
  readonly changes?: { readonly edited: number; readonly content: string; readonly deleted: number };
}

/** One message to be sent. */
export interface PlannedMessage {
  readonly time: Microseconds;
  readonly senderId: UserId;
  readonly receiverId: UserId;
  readonly content: string;
}

/** The maximum age of a message. */
export const MAX_AGE: Microseconds = 730 * DAY;

const RECENT = 28 * DAY;
const DEFAULT_PER_EXCHANGE = 6;

/** The smallest number of users: user 1 has special conversations with users 2 to 5. */
export const MIN_USERS = 5;

/** The number of pairs of users without a special conversation. */
export function maxConversationsOf(users: number): number {
  return (users * (users - 1)) / 2 - (MIN_USERS - 1);
}

export function userIdOf(number: number): UserId {
  return number.toString() as UserId;
}

/** A conversation that shows a rare case. */
export interface SpecialConversation extends ConversationPlan {
  /** The case that it shows. */
  readonly title: string;
}

/** The special conversations: one for each rare case, all in the inbox of user 1. */
export function specialConversations({
  seed,
  until,
}: Parameters): Readonly<Record<'paged' | 'old' | 'single' | 'empty' | 'notes', SpecialConversation>> {
  const recentActivity = activityBetween(until - RECENT, until);
  const withUser = (number: number, messages: number): ConversationPlan => ({
    participantIds: [userIdOf(1), userIdOf(number)],
    startedAt: null,
    messages,
    perExchange: DEFAULT_PER_EXCHANGE,
    at: recentActivity,
    text: chatText(randomOf(seed, 'special', number)),
  });
  const activityOverTwoYears = activityBetween(until - MAX_AGE, until);
  const recentTime = recentActivity(randomOf(seed, 'empty')());
  return {
    paged: { ...withUser(2, 65), title: 'more than one page' },
    old: {
      ...withUser(3, 75),
      title: 'a few messages a month for two years',
      perExchange: 2,
      at: activityOverTwoYears,
    },
    single: { ...withUser(4, 1), title: 'a single message, longer than its preview', text: introductionText },
    empty: { ...withUser(5, 0), title: 'no message yet', startedAt: recentTime },
    notes: {
      ...withUser(1, 6),
      title: 'notes to oneself, one edited and one deleted',
      perExchange: 1,
      text: noteText,
      changes: { edited: 2, content: 'Call the dentist on Monday (done)', deleted: 0 },
    },
  };
}

/** A group, and its messages. */
export interface GroupPlan {
  readonly name: string;
  readonly creatorId: UserId;
  readonly participantIds: readonly UserId[];
  readonly createdAt: Microseconds;
  readonly messages: readonly Omit<PlannedMessage, 'receiverId'>[];
}

const GROUP_MESSAGES = 40;

/** The group of users 1 to 4. */
export function groupPlan({ seed, until }: Parameters): GroupPlan {
  const random = randomOf(seed, 'group');
  const at = activityBetween(until - RECENT, until);
  const text = chatText(randomOf(seed, 'special', 'group'));
  const participantIds = [1, 2, 3, 4].map(userIdOf);
  const count = GROUP_MESSAGES;
  const times = exchanges({ count, perExchange: DEFAULT_PER_EXCHANGE, at, to: until, random });
  const messages = [...times].map(({ time, part }, index) => ({
    time,
    senderId: userIdOf(1 + below(participantIds.length, random)),
    content: text({ index, part, random }),
  }));
  const createdAt = (messages[0]?.time ?? until) - 60 * SECOND;
  return { name: 'Lunch on Fridays', creatorId: userIdOf(1), participantIds, createdAt, messages };
}

/** The random conversations: each between a random pair of users. */
export function* randomConversations(parameters: Parameters): Generator<ConversationPlan> {
  const { seed, until, conversations } = parameters;
  const recentActivity = activityBetween(until - RECENT, until);
  const pairs = randomPairs(parameters);
  const sizes = randomSizes(parameters);
  const random = randomOf(seed, 'conversations');
  for (let index = 0; index < conversations; index += 1) {
    const startShare = random() / 2;
    yield {
      participantIds: pairs.next().value,
      startedAt: null,
      messages: sizes(index),
      perExchange: DEFAULT_PER_EXCHANGE,
      at: (share) => recentActivity(startShare + (1 - startShare) * share),
      text: chatText(random),
    };
  }
}

/** The messages of `plan` in order of time. They are computed one at a time, so only one is in memory. */
export function* plannedMessages(
  plan: ConversationPlan,
  { seed, until }: Parameters,
): Generator<PlannedMessage> {
  const [one, other] = plan.participantIds;
  const random = randomOf(seed, 'messages', one, other);
  const { messages: count, perExchange, at, text } = plan;
  let senderId = one;
  let content = '';
  let index = 0;
  for (const { time, part } of exchanges({ count, perExchange, at, to: until, random })) {
    const context = { index, part, random };
    const previous = content;
    content = text(context);
    // Drawn again, since people rarely repeat a message.
    if (content === previous) content = text(context);
    if (random() < 0.7) senderId = senderId === one ? other : one;
    yield { time, senderId, receiverId: senderId === one ? other : one, content };
    index += 1;
  }
}

/** An endless sequence of distinct pairs without a special conversation. It does not return when no pair is left. */
function* randomPairs({ seed, users }: Parameters): Generator<readonly [UserId, UserId], never> {
  const random = randomOf(seed, 'pairs');
  const taken = new Set<number>();
  for (;;) {
    const one = 1 + below(users, random);
    const other = 1 + below(users, random);
    const pair = Math.min(one, other) * users + Math.max(one, other);
    const isSpecial = Math.min(one, other) === 1 && Math.max(one, other) <= MIN_USERS;
    if (one === other || isSpecial || taken.has(pair)) continue;
    taken.add(pair);
    yield [userIdOf(one), userIdOf(other)];
  }
}

/** The number of messages of each conversation: a few have many, many have few, and the total is `messages`. */
function randomSizes({ seed, conversations, messages }: Parameters): (index: number) => number {
  const random = randomOf(seed, 'sizes');
  const weights = new Float64Array(conversations + 1);
  for (let index = 0; index < conversations; index += 1) {
    const chance = random();
    weights[index + 1] = (weights[index] ?? 0) + chance * chance * chance;
  }
  const total = weights[conversations] ?? 0;
  const spare = messages - conversations;
  const assignedUpTo = (index: number): number => Math.floor(spare * ((weights[index] ?? 0) / total));
  return (index) => 1 + assignedUpTo(index + 1) - assignedUpTo(index);
}
