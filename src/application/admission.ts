import type { Clock } from './ports/clock.ts';
import type { UseCases } from './use-cases.ts';

/** There is no room for another question; nothing of it was begun. */
export class Overload extends Error {
  override readonly name = 'Overload';
}

/** Room for a bounded number of questions at a time. */
export interface Admission {
  /** The use cases, each rejecting with an `Overload` where there is no room. */
  readonly useCases: UseCases;
  /** Whether a question finds no room now, so that the work of understanding it can be spared: it is turned away. */
  readonly isFull: () => boolean;
  /** How full it is. */
  readonly state: () => AdmissionState;
}

export interface AdmissionState {
  /** What is in progress, by weight, and how much of it there is room for. */
  readonly inProgress: number;
  readonly room: number;
  /** How many questions have found no room so far. */
  readonly turnedAway: number;
}

/** Rows that weigh as much as a question without a page: more than a page has by default. */
const ROWS_OF_WEIGHT_ONE = 50;

type Question = Partial<Parameters<UseCases['listMessagesBefore' | 'listConversations']>[0]>;
type Ask = (question: Question) => Promise<unknown>;

/**
 * Lets as much be in progress as storage can take, and turns away the rest at once: whatever waits in front of a
 * storage that is busy only waits longer, until nobody wants its answer any more. A question weighs one, and a page
 * one for every fifty rows, since it can be as large. There is room while those in progress weigh less than `most` at
 * the most; a page may go beyond it by its own weight. A question leaves its place when its work has ended, which may
 * be after its asker was told to wait no longer.
 */
export function admitting(needs: {
  readonly most: number;
  readonly clock: Clock;
  readonly useCases: UseCases;
}): Admission {
  const { most, clock, useCases } = needs;
  const room = makeRoom(most, clock);
  let inProgress = 0;
  let turnedAway = 0;
  const isFull = (): boolean => {
    const full = inProgress >= room.size();
    if (full) {
      turnedAway += 1;
      room.noteLack();
    }
    return full;
  };
  const bounded = Object.entries(useCases as unknown as Record<string, Ask>).map(([name, ask]) => [
    name,
    (question: Question) => {
      if (isFull()) return Promise.reject(new Overload());
      const weight = Math.ceil((question.limit ?? 1) / ROWS_OF_WEIGHT_ONE);
      inProgress += weight;
      const begun = clock.now();
      const leave = (): void => {
        inProgress -= weight;
        room.learn((clock.now() - begun) / 1_000);
      };
      const answer = ask(question);
      answer.then(leave, leave);
      return answer;
    },
  ]);
  return {
    useCases: Object.fromEntries(bounded) as UseCases,
    isFull,
    state: () => ({ inProgress, room: room.size(), turnedAway }),
  };
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
function makeRoom(most: number, clock: Clock) {
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
