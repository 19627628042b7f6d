import type { Client } from 'cassandra-driver';
import { conversationRow } from '../../src/adapters/cassandra/conversation-repository.ts';
import { bucketRow } from '../../src/adapters/cassandra/message-repository.ts';
import type { Statement } from '../../src/adapters/cassandra/session.ts';
import { bucketOf } from '../../src/adapters/cassandra/time-buckets.ts';
import type { MessageId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { idAt, messageAt, type Pair } from './cast.ts';
import { pour } from './pour.ts';

const PUT_MESSAGE = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;

/** About 30 kB. */
const MESSAGES_PER_BATCH = 100;

/** The messages of a conversation: `count` of them, `every` so many milliseconds, the last one at `until`. */
export interface History {
  readonly pair: Pair;
  readonly count: number;
  readonly every: number;
  readonly until: number;
}

/** The time of a history's message number `index`. */
export function timeIn({ count, every, until }: History, index: number): number {
  return until - (count - 1 - index) * every;
}

/** The id of a history's message number `index`, from 0, the oldest. */
export function idIn(history: History, index: number): MessageId {
  return idAt(timeIn(history, index));
}

/**
 * Writes histories as their messages' sends would have left them, without the inboxes, which no page of a history
 * reads.
 */
export async function writeHistories(client: Client, histories: readonly History[]): Promise<void> {
  await pour(client, batchesOf(histories));
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
