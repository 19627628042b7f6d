import type { Client } from 'cassandra-driver';
import { inboxAndEventRows } from '../../src/adapters/cassandra/message-repository.ts';
import type { Statement } from '../../src/adapters/cassandra/session.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { messageAt, pairOf, type Pair } from './fixtures.ts';
import { writeBatches } from './write-batches.ts';

const MOVES_PER_BATCH = 20;

/** A message that moves a conversation to the top of an inbox. */
export interface Move {
  /** The index of the owner's conversation. */
  readonly conversation: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An inbox as the moves in it, oldest first. */
export interface Inbox {
  readonly owner: UserId;
  readonly moves: () => Iterable<Move>;
}

/** Conversation `index` of `owner`. */
export function conversationOf(owner: UserId, index: number): Pair {
  return pairOf(owner, `${owner}.${index}`);
}

/**
 * Writes the inbox rows that the service leaves after all these messages. It writes neither the inboxes of the other
 * participants nor the messages, because inbox pages do not read them. Returns the number of moves.
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
        batch.push(...inboxAndEventRows(message, pair.participants, message.id, owner, 30));
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
  await writeBatches(client, batches());
  return count;
}
