import { createHash, randomBytes } from 'node:crypto';
import { types, type Client } from 'cassandra-driver';
import { bucketAt, bucketOf, firstWriteWins } from '../../src/adapters/cassandra/time-buckets.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import { previewOf } from '../../src/domain/message.ts';
import { messageIdAt, microsecondsOf, timestampOf } from '../../src/domain/time.ts';
import { lastSegment, LIMIT, messageView, pageOf, type Answers, type Body } from './bare-http.ts';

/*
 * The baseline: the minimum cost of the same responses with the same statements. A handler on bare node:http and the
 * driver, without validation, router, ports, log, repairs and limits. It supports only the requests of the
 * benchmark.
 *
 * The formats (ids, times, cursors) come from the messenger's functions, because both must return the same bytes.
 */

const CLAIM = `
  INSERT INTO messages_by_idempotency_key (sender_id, idempotency_key, message_id, conversation_id, fingerprint)
  VALUES (?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?`;
const PUT_BUCKET = `
  INSERT INTO buckets_by_conversation (conversation_id, bucket) VALUES (?, ?) USING TIMESTAMP ?`;
const PUT_CONVERSATION = `
  INSERT INTO conversations (conversation_id, participants, created) VALUES (?, ?, ?) USING TIMESTAMP ?`;
const PUT_MESSAGE = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;
const PUT_DELIVERED = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, delivered)
  VALUES (?, ?, ?, true) USING TIMESTAMP ?`;
const PUT_LAST_ACTIVITY = `
  INSERT INTO conversations_by_user (user_id, conversation_id, participants, last_activity, read_up_to)
  VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`;
const PUT_EVENT = `
  INSERT INTO events_by_user (user_id, places, event_id, type, conversation_id, message_id, actor_id)
  VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?`;
const BUCKETS = `
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket <= ? LIMIT ?`;
const MESSAGES = `
  SELECT message_id, sender_id, receiver_id, content, edit, deletion FROM messages_by_conversation
  WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`;
const ENTRIES = `
  SELECT conversation_id, participants, last_activity, read_up_to, membership FROM conversations_by_user
  WHERE user_id = ? LIMIT ?`;

/** The conversations of an inbox that is read in one query. */
const SMALL = 64;
/** 31 and 30 days, in seconds. */
const EVENT_TTL = 2_678_400;
const KEY_TTL = 2_592_000;
const NIL = '00000000-0000-0000-0000-000000000000';
const TOP = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as Position;

const consistency = types.consistencies.localQuorum;
const READ = { prepare: true, consistency, isIdempotent: true };
const WRITE = { prepare: true, consistency, isIdempotent: true, logged: false };
const DECIDE = { ...WRITE, serialConsistency: types.consistencies.localSerial };

/** Handles the requests of the benchmark, over a connected client. */
export function baselineAnswers(client: Client): Answers {
  const read = async (query: string, params: unknown[]): Promise<types.Row[]> =>
    (await client.execute(query, params, READ)).rows;

  let lastTime = 0;

  async function send(
    { sender_id: senderId, receiver_id: receiverId, content }: Body,
    key: string | undefined,
  ): Promise<object> {
    const participants = [senderId, receiverId].sort();
    const conversationId = conversationIdOf(participants);
    lastTime = Math.max(Date.now() * 1000, lastTime + 1);
    let id = messageIdAt(lastTime, 0, randomBytes(7).toString('hex').slice(1));
    if (key !== undefined) {
      const fingerprint = createHash('sha256').update(`${receiverId}\n${content}`).digest();
      const claim = [senderId, key, id, conversationId, fingerprint, KEY_TTL];
      const row = (await client.execute(CLAIM, claim, DECIDE)).first();
      if (row['[applied]'] !== true) id = String(row['message_id']) as MessageId;
    }
    const timestamp = microsecondsOf(id);
    const bucket = bucketOf(conversationId, id);
    await Promise.all([
      client.execute(
        PUT_MESSAGE,
        [conversationId, bucket, id, senderId, receiverId, content, timestamp],
        WRITE,
      ),
      client.batch(
        [
          { query: PUT_BUCKET, params: [conversationId, bucket, timestamp] },
          { query: PUT_CONVERSATION, params: [conversationId, participants, id, firstWriteWins(id)] },
        ],
        WRITE,
      ),
    ]);
    const cell = new types.Tuple(id, NIL, id, senderId, previewOf(content));
    await client.batch(
      participants.flatMap((userId) => [
        {
          query: PUT_LAST_ACTIVITY,
          params: [
            userId,
            conversationId,
            participants,
            cell,
            userId === senderId ? id : undefined,
            timestamp,
          ],
        },
        {
          query: PUT_EVENT,
          params: [userId, true, id, 'message.created', conversationId, id, undefined, timestamp, EVENT_TTL],
        },
      ]),
      WRITE,
    );
    // Not awaited, as in the service.
    if (key !== undefined) void client.execute(PUT_DELIVERED, [conversationId, bucket, id, timestamp], WRITE);
    return messageView({ id, conversationId, senderId, receiverId, content });
  }

  async function history(conversationId: ConversationId, before: Position | null): Promise<object> {
    const below = before ?? TOP;
    const readBucket = (bucket: number): Promise<types.Row[]> =>
      read(MESSAGES, [conversationId, bucket, below, LIMIT + 1]);
    const likely = before === null ? bucketAt(conversationId, Date.now()) : bucketOf(conversationId, before);
    const listed = () => read(BUCKETS, [conversationId, bucketOf(conversationId, below), 100]);
    const [likelyRows, newest] = await Promise.all([readBucket(likely), before === null ? listed() : null]);
    const buckets = newest ?? (likelyRows.length > LIMIT ? [{ bucket: likely }] : await listed());
    const rows: types.Row[] = [];
    for (const row of buckets) {
      const bucket = row.bucket as number;
      rows.push(...(bucket === likely ? likelyRows : await readBucket(bucket)));
      if (rows.length > LIMIT) break;
    }
    const idOf = (row: types.Row) => String(row['message_id']) as MessageId;
    const viewOf = (row: types.Row): object =>
      messageView({
        id: idOf(row),
        conversationId,
        senderId: row['sender_id'] as UserId,
        receiverId: row['receiver_id'] as UserId,
        content: row['content'] as string,
      });
    return pageOf({ kind: 'history', of: conversationId }, rows, viewOf, idOf);
  }

  /** The first page of a small inbox. */
  async function inbox(userId: UserId): Promise<object> {
    const rows = await read(ENTRIES, [userId, SMALL + 1]);
    if (rows.length > SMALL) throw new Error('the benchmark has only small inboxes');
    const entries = rows.map((row) => {
      const cell = row['last_activity'] as types.Tuple;
      const id = String(cell.get(2)) as MessageId;
      const participants = row['participants'] as readonly string[];
      return {
        id: String(row['conversation_id']),
        participant_ids: participants,
        other_user_id: participants.find((participant) => participant !== userId) ?? userId,
        name: null,
        left_at: null,
        last_message_id: id,
        last_message_sender_id: cell.get(3) as string,
        last_message_content: cell.get(4) as string,
        last_message_at: timestampOf(id),
        last_event_id: String(cell.get(0)),
        read_up_to: idTextOf(row['read_up_to']),
      };
    });
    entries.sort((a, b) => (a.last_message_id > b.last_message_id ? -1 : 1));
    const viewOf = (entry: (typeof entries)[number]): object => ({
      ...entry,
      unread:
        entry.last_message_sender_id !== userId &&
        (entry.read_up_to === null || entry.read_up_to < entry.last_event_id),
    });
    return pageOf({ kind: 'inbox', of: userId }, entries, viewOf, (entry) => entry.last_message_id);
  }

  return {
    send: (body, key) => send(JSON.parse(body) as Body, key),
    read(path, query) {
      const of = lastSegment(path);
      if (path.startsWith('/api/conversations/user/')) return inbox(of as UserId);
      const cursor = query?.get('cursor') ?? null;
      return history(of as ConversationId, cursor === null ? null : positionIn(cursor));
    },
  };
}

/** The position in a cursor, without a check: the sixteen bytes after the first. */
function positionIn(cursor: string): Position {
  const digits = Buffer.from(cursor, 'base64url').toString('hex', 1, 17);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') as Position;
}

function idTextOf(uuid: types.Uuid | null): string | null {
  return uuid === null ? null : String(uuid);
}
