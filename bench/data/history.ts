import type { Client } from 'cassandra-driver';
import { conversationRow } from '../../src/adapters/cassandra/conversation-repository.ts';
import { bucketRow } from '../../src/adapters/cassandra/message-repository.ts';
import type { Statement } from '../../src/adapters/cassandra/session.ts';
import { bucketOf } from '../../src/adapters/cassandra/time-buckets.ts';
import type { MessageId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { idAt, messageAt, type Pair } from './fixtures.ts';
import { writeBatches } from './write-batches.ts';

const PUT_MESSAGE = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;

/** A batch of 100 messages has about 30 kB. */
const MESSAGES_PER_BATCH = 100;

/** The messages of a conversation: `count` messages, `every` milliseconds apart, the last one at `until`. */
export interface History {
  readonly pair: Pair;
  readonly count: number;
  readonly every: number;
  readonly until: number;
}

/** The time of message `index` in a history. */
export function timeIn({ count, every, until }: History, index: number): number {
  return until - (count - 1 - index) * every;
}

/** The id of message `index` in a history; 0 is the oldest. */
export function idIn(history: History, index: number): MessageId {
  return idAt(timeIn(history, index));
}

/**
 * Writes the history rows that sends leave. It writes no inboxes, because history pages do not read
 * them.
 */
export async function writeHistories(client: Client, histories: readonly History[]): Promise<void> {
  await writeBatches(client, batchesOf(histories));
}

function* batchesOf(histories: readonly History[]): Generator<Statement[]> {
  for (const history of histories) {
    const { pair, count } = history;
    const { participants, conversationId } = pair;
    yield [conversationRow({ id: conversationId, participants, created: idIn(history, 0) })];
    let batch: Statement[] = [];
    let bucket: number | null = null;
    for (let index = 0; index < count; index += 1) {
      const { id, senderId, receiverId, content } = messageAt(pair, timeIn(history, index));
      const own = bucketOf(conversationId, id);
      if (own !== bucket) {
        yield [bucketRow(conversationId, id)];
      }
      if (own !== bucket || batch.length === MESSAGES_PER_BATCH) {
        if (batch.length > 0) yield batch;
        batch = [];
      }
      bucket = own;
      batch.push({
        query: PUT_MESSAGE,
        params: [conversationId, own, id, senderId, receiverId, content, microsecondsOf(id)],
      });
    }
    if (batch.length > 0) yield batch;
  }
}
