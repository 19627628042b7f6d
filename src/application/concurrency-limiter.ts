import type { Clock } from './ports/clock.ts';
import { MAX_PAGE_BYTES } from '../domain/page.ts';
import { MAX_CONTENT_LENGTH } from '../domain/message.ts';
import type { UseCases } from './use-cases.ts';

/** There is no room for another question; nothing of it was begun. */
export class Overload extends Error {
  override readonly name = 'Overload';
}

/** Room for a bounded number of questions at a time. */
export interface ConcurrencyLimiter {
  /** The use cases, each rejecting with an `Overload` where there is no room. */
  readonly useCases: UseCases;
  /**
   * Does background `work` within the limit; rejects with an `Overload` where there is no room. It takes a quarter of the
   * room at most, and says nothing of how fast storage is: it is what storage has failed at before.
   */
  readonly run: (work: () => Promise<void>) => Promise<void>;
  /** Whether a question finds no room now, so that the work of understanding it can be spared: it is turned away. */
  readonly isFull: () => boolean;
  /** How full it is. */
  readonly state: () => ConcurrencyState;
}

export interface ConcurrencyState {
  /** How many questions are in progress, and for how many there is room. */
  readonly inProgress: number;
  readonly limit: number;
  /** How many questions have found no room so far. */
  readonly rejected: number;
}

/** The most content that the pages in progress may hold together, in bytes. */
const MOST_BYTES = 256 * 1_048_576;

/** The share of the room that background work may take. */
const BACKGROUND_SHARE = 0.25;

/** A code point has at most four bytes in UTF-8. */
const MOST_BYTES_PER_MESSAGE = 4 * MAX_CONTENT_LENGTH;

/** The use cases whose answers hold the content of many messages. */
const LISTS_CONTENT: ReadonlySet<string> = new Set<keyof UseCases>(['listMessagesBefore', 'listEvents']);

type Question = Partial<Parameters<UseCases['listMessagesBefore']>[0]>;
type Ask = (question: Question) => Promise<unknown>;

/**
 * Lets as much be in progress as storage can take, and turns away the rest at once: whatever waits in front of a
 * storage that is busy only waits longer, until nobody wants its answer any more. Questions are counted, and so are the
 * bytes that the pages of messages among them can hold at the most. A question leaves its place when its work has
 * ended, which may be after its asker was told to wait no longer.
 */
export function makeConcurrencyLimiter(deps: {
  readonly most: number;
  readonly clock: Pick<Clock, 'now'>;
  readonly useCases: UseCases;
}): ConcurrencyLimiter {
  const { most, clock, useCases } = deps;
  const room = makeRoom(most, clock);
  let inProgress = 0;
  let bytesInProgress = 0;
  let turnedAway = 0;
  let background = 0;
  const isFull = (bytes = 0): boolean => {
    const full = inProgress >= room.size() || (bytes > 0 && bytesInProgress + bytes > MOST_BYTES);
    if (full) {
      turnedAway += 1;
      room.noteLack();
    }
    return full;
  };
  const run = <Answer>(work: () => Promise<Answer>, bytes = 0): Promise<Answer> => {
    if (isFull(bytes)) return Promise.reject(new Overload());
    inProgress += 1;
    bytesInProgress += bytes;
    const begun = clock.now();
    const leave = (): void => {
      inProgress -= 1;
      bytesInProgress -= bytes;
      room.learn((clock.now() - begun) / 1_000);
    };
    const answer = work();
    answer.then(leave, leave);
    return answer;
  };
  const bounded = Object.entries(useCases as unknown as Record<string, Ask>).map(([name, ask]) => [
    name,
    LISTS_CONTENT.has(name)
      ? (question: Question) => run(() => ask(question), mostBytesOf(question))
      : (question: Question) => run(() => ask(question)),
  ]);
  return {
    useCases: Object.fromEntries(bounded) as UseCases,
    run: (work) => {
      const most = Math.max(1, Math.floor(room.size() * BACKGROUND_SHARE));
      if (background >= most || inProgress >= room.size()) return Promise.reject(new Overload());
      background += 1;
      inProgress += 1;
      return work().finally(() => {
        background -= 1;
        inProgress -= 1;
      });
    },
    isFull: () => isFull(),
    state: () => ({ inProgress, limit: room.size(), rejected: turnedAway }),
  };
}

/** The bytes that a page of messages can hold at the most. */
function mostBytesOf({ limit = 1, page = null }: Question): number {
  const bytes = limit * MOST_BYTES_PER_MESSAGE;
  return page === null ? Math.min(bytes, MAX_PAGE_BYTES) : bytes;
}

/** Room to begin with, and what is left of it however slow storage gets: enough to keep a small cluster busy. */
const FIRST_ROOM = 64;
const LEAST_ROOM = 32;

/**
 * What half of all questions should take at the most. Beyond it storage has more than it can work on at a time, and
 * the second attempts that Cassandra's adapter makes where the first is slow would only add to that.
 */
const AIM_MS = 200;

/** A look is taken after so many microseconds and answers at the least. */
const LOOK_EVERY_US = 250_000;
const LOOK_AT_LEAST = 10;

/**
 * How much room there is, by what the last answers took (additive increase, multiplicative decrease, as TCP has it).
 * The median, because a replica that hangs or a large page makes some answers slow and is no reason to turn anybody
 * away.
 */
function makeRoom(most: number, clock: Pick<Clock, 'now'>) {
  let size = Math.min(FIRST_ROOM, most);
  let took: number[] = [];
  let since = clock.now();
  let lacked = false;
  return {
    size: () => size,
    /** Notes that there was too little. */
    noteLack(): void {
      lacked = true;
    },
    /** Notes what an answer took. */
    learn(milliseconds: number): void {
      took.push(milliseconds);
      if (took.length < LOOK_AT_LEAST || Math.abs(clock.now() - since) < LOOK_EVERY_US) return;
      const median = took.sort((a, b) => a - b)[took.length >> 1] ?? 0;
      if (median > AIM_MS) size = Math.max(Math.min(LEAST_ROOM, most), Math.floor(0.8 * size));
      else if (lacked) size = Math.min(most, size + LEAST_ROOM);
      took = [];
      since = clock.now();
      lacked = false;
    },
  };
}
