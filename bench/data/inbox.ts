import type { Client } from 'cassandra-driver';
import { newsRows } from '../../src/adapters/cassandra/message-repository.ts';
import type { Statement } from '../../src/adapters/cassandra/session.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { messageAt, pairOf, type Pair } from './cast.ts';
import { pour } from './pour.ts';

const MOVES_PER_BATCH = 20;

/** A message that moves a conversation to the top of an inbox. */
export interface Move {
  /** Which of the owner's conversations. */
  readonly conversation: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An inbox, and how it came to be: its owner's moves from the oldest on. */
export interface Inbox {
  readonly owner: UserId;
  readonly moves: () => Iterable<Move>;
}

/** The conversation number `index` of `owner`. */
export function conversationOf(owner: UserId, index: number): Pair {
  return pairOf(owner, `${owner}.${index}`);
}

/**
 * Writes inboxes as a service would have left them that received every one of the messages; only theirs, not the
 * other participants', and not the messages, which no page of an inbox reads. Gives the number of moves.
 */
export async function writeInboxes(client: Client, inboxes: readonly Inbox[]): Promise<number> {
  let count = 0;
  function* batches(): Generator<Statement[]> {
    for (const { owner, moves } of inboxes) {
      const pairs = new Map<number, Pair>();
      let batch: Statement[] = [];
      let inBatch = 0;
      for (const { conversation, at } of moves()) {
        const pair = pairs.get(conversation) ?? conversationOf(owner, conversation);
        pairs.set(conversation, pair);
        const message = messageAt(pair, at, count);
        batch.push(...newsRows(message, pair.participants, message.id, owner, 30));
        count += 1;
        inBatch += 1;
        if (inBatch === MOVES_PER_BATCH) {
          yield batch;
          batch = [];
          inBatch = 0;
        }
      }
      if (batch.length > 0) yield batch;
    }
  }
  await pour(client, batches());
  return count;
}
