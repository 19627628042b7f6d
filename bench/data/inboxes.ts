import type { Move } from './inbox.ts';

export const DAY_MS = 86_400_000;

/** Moves each conversation once, evenly over the period that ends at `until`; the first is the oldest. */
export function* spreadOver(until: number, conversations: number, within: number): Generator<Move> {
  for (let index = 0; index < conversations; index += 1) {
    yield { conversation: index, at: Math.floor(until - (within * (conversations - index)) / conversations) };
  }
}

/** Moves the conversations from index `first` in turn, evenly over the period that ends at `until`. */
export function* moving(
  until: number,
  {
    first,
    conversations,
    moves,
    within,
  }: {
    readonly first: number;
    readonly conversations: number;
    readonly moves: number;
    readonly within: number;
  },
): Generator<Move> {
  for (let move = 0; move < moves; move += 1) {
    yield {
      conversation: first + (move % conversations),
      at: Math.floor(until - (within * (moves - move)) / moves),
    };
  }
}
