import type { Client } from 'cassandra-driver';
import { conversationRow } from '../src/adapters/cassandra/conversation-repository.ts';
import { bucketRow, inboxAndEventRows } from '../src/adapters/cassandra/message-repository.ts';
import type { Statement } from '../src/adapters/cassandra/session.ts';
import { bucketOf } from '../src/adapters/cassandra/time-buckets.ts';
import type { MessageId, UserId } from '../src/domain/ids.ts';
import { composeMessage } from '../src/domain/message.ts';
import { messageIdAt, microsecondsOf } from '../src/domain/time.ts';
import type { Move } from '../test/support/inboxes.ts';
import { CONTENT, pairOf, type Pair } from './workloads.ts';

/* Writes the rows that sends leave, with ids of any time. */

export const DAY_MS = 86_400_000;

/** The messages of a conversation: `count` messages, `every` milliseconds apart, the last one at `until`. */
export interface History {
  readonly pair: Pair;
  readonly count: number;
  readonly every: number;
  readonly until: number;
}

/** The time of message `index` in a history, in milliseconds; 0 is the oldest. */
export function timeIn({ count, every, until }: History, index: number): number {
  return Math.floor(until - (count - 1 - index) * every);
}

/** The id of message `index` in a history. */
export function idIn(history: History, index: number): MessageId {
  return messageIdAt(timeIn(history, index) * 1000, 0, '0'.repeat(13));
}

const PUT_MESSAGE = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;

/** The rows of one message in a history: the first of its bucket also lists the bucket. */
export function messageRow({ one, other, conversationId }: Pair, id: MessageId, content: string): Statement {
  const bucket = bucketOf(conversationId, id);
  return {
    query: PUT_MESSAGE,
    params: [conversationId, bucket, id, one, other, content, microsecondsOf(id)],
  };
}

/** About 30 kB. */
const MESSAGES_PER_BATCH = 100;

/** Writes histories. It writes no inboxes, because history pages do not read them. */
export async function writeHistories(client: Client, histories: readonly History[]): Promise<void> {
  function* batches(): Generator<Statement[]> {
    for (const history of histories) {
      const { pair, count } = history;
      const { participants, conversationId } = pair;
      yield [conversationRow({ id: conversationId, participants, created: idIn(history, 0) })];
      let batch: Statement[] = [];
      let bucket: number | null = null;
      for (let index = 0; index < count; index += 1) {
        const id = idIn(history, index);
        const own = bucketOf(conversationId, id);
        if (own !== bucket) yield [bucketRow(conversationId, id)];
        if ((own !== bucket || batch.length === MESSAGES_PER_BATCH) && batch.length > 0) {
          yield batch;
          batch = [];
        }
        bucket = own;
        batch.push(messageRow(pair, id, CONTENT));
      }
      yield batch;
    }
  }
  await writeBatches(client, batches());
}

/** An inbox as the moves in it. */
export interface Inbox {
  readonly owner: UserId;
  readonly moves: readonly Move[];
}

/** Conversation `index` of `owner`. */
export function conversationOf(owner: UserId, index: number): Pair {
  return pairOf(owner, `${owner}.${index}`);
}

/** Conversations that moved once each, evenly over `days` until `until` (milliseconds). */
export function evenly(until: number, conversations: number, days: number): Move[] {
  return Array.from({ length: conversations }, (_, index) => ({
    conversation: index,
    at: Math.floor((until - (days * DAY_MS * index) / conversations) * 1000),
  }));
}

const MOVES_PER_BATCH = 20;

/**
 * Writes the inbox rows and events of the owners. It writes neither the other participants' rows nor the messages,
 * because inbox pages do not read them.
 */
export async function writeInboxes(client: Client, inboxes: readonly Inbox[]): Promise<void> {
  function* batches(): Generator<Statement[]> {
    for (const { owner, moves } of inboxes) {
      const pairs = new Map<number, Pair>();
      for (let begin = 0; begin < moves.length; begin += MOVES_PER_BATCH) {
        yield moves.slice(begin, begin + MOVES_PER_BATCH).flatMap(({ conversation, at }, index) => {
          const pair = pairs.get(conversation) ?? conversationOf(owner, conversation);
          pairs.set(conversation, pair);
          const { one, other, conversationId, participants } = pair;
          // The index keeps ids of one microsecond apart.
          const id = messageIdAt(Math.floor(at), 0, (begin + index).toString(16).padStart(13, '0'));
          const message = composeMessage({
            id,
            conversationId,
            senderId: one,
            receiverId: other,
            content: CONTENT,
          });
          return inboxAndEventRows(message, participants, id, owner, 30);
        });
      }
    }
  }
  await writeBatches(client, batches());
}

const CONCURRENT_BATCHES = 48;

/** Writes batches, each to one partition, as fast as the database accepts them. */
export async function writeBatches(client: Client, batches: Iterable<readonly Statement[]>): Promise<void> {
  const queue = batches[Symbol.iterator]();
  const write = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const statements = next.value as { query: string; params: unknown[] }[];
      await client.batch(statements, { prepare: true, logged: false, isIdempotent: true });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_BATCHES }, write));
}
