import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { types, type Client } from 'cassandra-driver';
import { cursorAt } from '../../src/adapters/http/cursors.ts';
import {
  bucketAt,
  bucketOf,
  earliestWins,
  FINEST,
  LEVELS,
  slotAt,
} from '../../src/adapters/cassandra/stored-time.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import { previewOf } from '../../src/domain/message.ts';
import { messageIdAt, microsecondsOf, millisecondsOf, timestampOf } from '../../src/domain/time.ts';
import { answerWith, textOf } from '../bare-http.ts';

/*
 * The floor: what the same answers out of the same statements cost at least. A handler of bare node:http with the
 * driver, and nothing between: no validation, no router, no ports, no log, no repairs, no limits. It answers what the
 * benchmark asks and nothing else.
 *
 * The formats (ids, times, slots, cursors) are the messenger's own functions, for both have to give the same bytes.
 */

const CLAIM = `
  INSERT INTO messages_by_idempotency_key (sender_id, idempotency_key, message_id, conversation_id, fingerprint)
  VALUES (?, ?, ?, ?, ?) IF NOT EXISTS`;
const PUT_BUCKET = `
  INSERT INTO buckets_by_conversation (conversation_id, bucket) VALUES (?, ?) USING TIMESTAMP ?`;
const PUT_CONVERSATION = `
  INSERT INTO conversations (conversation_id, participants, created) VALUES (?, ?, ?) USING TIMESTAMP ?`;
const PUT_MESSAGE = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;
const PUT_HEAD = `
  UPDATE conversations_by_user USING TIMESTAMP ? SET head = ?, participants = ?
  WHERE user_id = ? AND conversation_id = ?`;
const PUT_ORDER = `
  INSERT INTO conversation_order_by_user (user_id, level, slot, conversation_id)
  VALUES (?, ?, ?, ?) USING TIMESTAMP ?`;
const BUCKETS = `
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket <= ? LIMIT ?`;
const MESSAGES = `
  SELECT message_id, sender_id, receiver_id, content FROM messages_by_conversation
  WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`;
const ORDER = `
  SELECT slot, conversation_id FROM conversation_order_by_user
  WHERE user_id = ? AND level = ? LIMIT ?`;
const HEADS = `
  SELECT conversation_id, participants, head, created FROM conversations_by_user
  WHERE user_id = ? AND conversation_id IN ?`;

const LIMIT = 20;
const TOP = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as Position;

const consistency = types.consistencies.localQuorum;
const READ = { prepare: true, consistency, isIdempotent: true };
const WRITE = { prepare: true, consistency, isIdempotent: true, logged: false };
const DECIDE = {
  prepare: true,
  consistency,
  serialConsistency: types.consistencies.localSerial,
  isIdempotent: false,
};

interface Body {
  readonly sender_id: UserId;
  readonly receiver_id: UserId;
  readonly content: string;
}

/** Answers what the benchmark asks of the messenger, over a connected client. */
export function makeFloor(client: Client): RequestListener {
  const read = async (query: string, params: unknown[]): Promise<types.Row[]> =>
    (await client.execute(query, params, READ)).rows;

  /** For each conversation, the slot of each level that its rows were written in. */
  const written = new Map<ConversationId, readonly number[]>();
  let lastTime = 0;

  async function send({ sender_id, receiver_id, content }: Body, key: string | undefined): Promise<object> {
    const participants = [sender_id, receiver_id].sort();
    const conversationId = conversationIdOf(participants);
    lastTime = Math.max(Date.now() * 1000, lastTime + 1);
    let id = messageIdAt(lastTime, 0, randomBytes(7).toString('hex').slice(1));
    if (key !== undefined) {
      const fingerprint = createHash('sha256').update(`${receiver_id}\n${content}`).digest();
      const claim = [sender_id, key, id, conversationId, fingerprint];
      const row = (await client.execute(CLAIM, claim, DECIDE)).first();
      if (row['[applied]'] !== true) id = String(row['message_id']) as MessageId;
    }
    const timestamp = microsecondsOf(id);
    const milliseconds = millisecondsOf(id);
    const bucket = bucketOf(id);
    const before = written.get(conversationId);
    const slots = LEVELS.map((level) => slotAt(level, milliseconds));
    if (before?.[3] !== slots[3]) {
      await Promise.all([
        client.execute(PUT_BUCKET, [conversationId, bucket, timestamp], WRITE),
        client.execute(PUT_CONVERSATION, [conversationId, participants, id, earliestWins(id)], WRITE),
      ]);
    }
    const message = [conversationId, bucket, id, sender_id, receiver_id, content, timestamp];
    await client.execute(PUT_MESSAGE, message, WRITE);
    const head = new types.Tuple(id, sender_id, previewOf(content));
    await Promise.all(
      participants.map((userId) => {
        const batch: { query: string; params: unknown[] }[] = [
          { query: PUT_HEAD, params: [timestamp, head, participants, userId, conversationId] },
        ];
        for (const level of LEVELS) {
          if (level !== FINEST && before?.[level] === slots[level]) continue;
          batch.push({
            query: PUT_ORDER,
            params: [userId, level, slots[level], conversationId, timestamp],
          });
        }
        return client.batch(batch, WRITE);
      }),
    );
    written.set(conversationId, slots);
    return {
      id,
      conversation_id: conversationId,
      sender_id,
      receiver_id,
      content,
      created_at: timestampOf(id),
    };
  }

  async function history(conversationId: ConversationId, before: Position | null): Promise<object> {
    const below = before ?? TOP;
    const readBucket = (bucket: number): Promise<types.Row[]> =>
      read(MESSAGES, [conversationId, bucket, below, LIMIT + 1]);
    const likely = before === null ? bucketAt(Date.now()) : bucketOf(before);
    const [likelyRows, buckets] = await Promise.all([
      readBucket(likely),
      read(BUCKETS, [conversationId, bucketOf(below), 100]),
    ]);
    const rows: types.Row[] = [];
    for (const row of buckets) {
      const bucket = row['bucket'] as number;
      rows.push(...(bucket === likely ? likelyRows : await readBucket(bucket)));
      if (rows.length > LIMIT) break;
    }
    const data = rows.slice(0, LIMIT).map((row) => {
      const id = String(row['message_id']) as MessageId;
      return {
        id,
        conversation_id: conversationId,
        sender_id: row['sender_id'] as string,
        receiver_id: row['receiver_id'] as string,
        content: row['content'] as string,
        created_at: timestampOf(id),
      };
    });
    const last = data.at(-1);
    const isMore = last !== undefined && rows.length > LIMIT;
    return {
      data,
      limit: LIMIT,
      next_cursor: isMore ? cursorAt({ kind: 'history', of: conversationId }, last.id) : null,
    };
  }

  /** The first page of an inbox at rest, where the first rows of the finest level nominate enough. */
  async function inbox(userId: UserId): Promise<object> {
    const nominees = new Set<string>();
    let slot: unknown;
    for (const row of await read(ORDER, [userId, FINEST, 64])) {
      if (nominees.size > LIMIT && row['slot'] !== slot) break;
      slot = row['slot'];
      nominees.add(String(row['conversation_id']));
    }
    const heads = await read(HEADS, [userId, [...nominees]]);
    const entries = heads.map((row) => {
      const head = row['head'] as types.Tuple;
      const id = String(head.get(0)) as MessageId;
      const participants = row['participants'] as readonly string[];
      return {
        id: String(row['conversation_id']),
        participant_ids: participants,
        other_user_id: participants.find((participant) => participant !== userId) ?? userId,
        last_message_id: id,
        last_message_sender_id: head.get(1) as string,
        last_message_content: head.get(2) as string,
        last_message_at: timestampOf(id),
      };
    });
    const data = entries.sort((a, b) => (a.last_message_id > b.last_message_id ? -1 : 1)).slice(0, LIMIT);
    const last = data.at(-1);
    const isMore = last !== undefined && entries.length > LIMIT;
    return {
      data,
      limit: LIMIT,
      next_cursor: isMore ? cursorAt({ kind: 'inbox', of: userId }, last.last_message_id) : null,
    };
  }

  async function answerTo(request: IncomingMessage): Promise<object> {
    const url = request.url ?? '';
    if (request.method === 'POST') {
      const body = JSON.parse(await textOf(request)) as Body;
      return send(body, request.headers['idempotency-key'] as string | undefined);
    }
    const [path = '', query] = url.split('?');
    const of = path.slice(path.lastIndexOf('/') + 1);
    if (path.startsWith('/api/conversations/user/')) return inbox(of as UserId);
    const cursor = query === undefined ? null : new URLSearchParams(query).get('cursor');
    return history(of as ConversationId, cursor === null ? null : positionIn(cursor));
  }

  return answerWith(answerTo);
}

/** The position in a cursor, unchecked: the sixteen bytes after the first. */
function positionIn(cursor: string): Position {
  const digits = Buffer.from(cursor, 'base64url').toString('hex', 1, 17);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') as Position;
}
