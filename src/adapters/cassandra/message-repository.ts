import { createHash } from 'node:crypto';
import type { Clock } from '../../application/ports/clock.ts';
import type { Appended, MessageRepository, Posting } from '../../application/ports/message-repository.ts';
import type { ConversationId, IdempotencyKey, MessageId, Position, UserId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Stretch } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import { conversationRow } from './conversation-repository.ts';
import { headOf } from './inbox.ts';
import type { Mending } from './mending.ts';
import type { Notes } from './notes.ts';
import type { Row, Session, Writes } from './session.ts';
import { bucketAt, bucketOf } from './stored-time.ts';

const CLAIM = `
  INSERT INTO messages_by_idempotency_key (sender_id, idempotency_key, message_id, conversation_id, fingerprint)
  VALUES (?, ?, ?, ?, ?) IF NOT EXISTS`;

const PUT_BUCKET = `
  INSERT INTO buckets_by_conversation (conversation_id, bucket) VALUES (?, ?) USING TIMESTAMP ?`;

const PUT_MESSAGE = `
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;

const BUCKETS = `
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket <= ? LIMIT ?`;

/** What is read of each message: its id alone, where messages are only passed over. */
const MESSAGES = {
  whole: `
    SELECT message_id, sender_id, receiver_id, content FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`,
  id: `
    SELECT message_id FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`,
};

/** Above every id that is ever made. */
const TOP = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as Position;

const BUCKETS_AT_ONCE = 100;

/** How many buckets of a quiet conversation are read in parallel. */
const MOST_PARALLEL = 20;

/** The row that lists the bucket in which the message `id` lies. */
export function bucketRow(conversationId: ConversationId, id: MessageId): [string, readonly unknown[]] {
  return [PUT_BUCKET, [conversationId, bucketOf(id), microsecondsOf(id)]];
}

/** The messages of all conversations in Cassandra. */
export class CassandraMessageRepository implements MessageRepository {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #notes: Notes;
  readonly #mending: Mending;

  constructor(needs: { session: Session; clock: Clock; notes: Notes; mending: Mending }) {
    this.#session = needs.session;
    this.#clock = needs.clock;
    this.#notes = needs.notes;
    this.#mending = needs.mending;
  }

  async append(posting: Posting): Promise<Appended> {
    const writes = this.#session.writes();
    const { message, idempotencyKey } = posting;
    if (idempotencyKey === null) {
      await this.#store(posting, writes);
      return { outcome: 'appended', message };
    }
    const claimed = await claim(writes, message, idempotencyKey);
    if (claimed === 'key_reused') return { outcome: 'key_reused' };
    const accepted = { ...message, id: claimed };
    // A repeat writes again what the first one wrote, and so completes one that died half-way.
    await this.#store({ ...posting, message: accepted }, writes);
    return { outcome: claimed === message.id ? 'appended' : 'repeated', message: accepted };
  }

  /** All that a posting implies, in the order in which it may be seen. A failure goes on being mended. */
  async #store(posting: Posting, writes: Writes): Promise<void> {
    const again = (): Promise<void> => this.#write(posting, this.#session.writes());
    await this.#mending.watch(this.#write(posting, writes), again, posting.message);
  }

  /**
   * Readers find messages by the bucket, and inboxes name messages: so the bucket comes before the message, and
   * the message before the inboxes. Every write is idempotent and carries the message's own time.
   */
  async #write({ message, participants }: Posting, writes: Writes): Promise<void> {
    const { id, conversationId, senderId, receiverId, content } = message;
    const timestamp = microsecondsOf(id);
    const bucket = bucketOf(id);
    const missing = this.#notes.missing(conversationId, id);
    if (missing.conversation) {
      await Promise.all([
        writes.run(...bucketRow(conversationId, id)),
        writes.run(...conversationRow({ id: conversationId, participants, created: id })),
      ]);
    }
    await writes.run(PUT_MESSAGE, [conversationId, bucket, id, senderId, receiverId, content, timestamp]);
    await Promise.all(
      participants.map((userId) => writes.together(headOf(message, participants, userId, missing.levels))),
    );
    this.#notes.note(conversationId, id);
  }

  async listBefore(
    conversationId: ConversationId,
    { before, skip, limit }: Stretch,
  ): Promise<readonly Message[]> {
    let from = before;
    if (skip > 0) {
      const skipped = await this.#walk('id', conversationId, from, skip);
      if (skipped.length < skip) return [];
      from = String(skipped.at(-1)?.['message_id']) as Position;
    }
    const rows = await this.#walk('whole', conversationId, from, limit);
    return rows.map((row) => messageOf(conversationId, row));
  }

  /**
   * Up to `count` rows below `before`, newest first, out of as many buckets as it takes. The bucket that most
   * likely holds them is read beside the list of buckets; further ones in parallel, as many at once as the yield
   * so far suggests.
   */
  async #walk(
    columns: keyof typeof MESSAGES,
    conversationId: ConversationId,
    before: Position | null,
    count: number,
  ): Promise<Row[]> {
    const read = (bucket: number): Promise<Row[]> =>
      this.#session.read(MESSAGES[columns], [conversationId, bucket, before ?? TOP, count]);
    const likely = before === null ? bucketAt(this.#clock.now() / 1000) : bucketOf(before);
    const [likelyRows, newest] = await Promise.all([
      read(likely),
      this.#buckets(conversationId, bucketOf(before ?? TOP)),
    ]);

    const rows: Row[] = [];
    let visited = 0;
    let width = 1;
    let listed = newest;
    let areMoreListed = listed.length === BUCKETS_AT_ONCE;
    while (listed.length > 0 && rows.length < count) {
      const next = listed.slice(0, width);
      const parts = await Promise.all(
        next.map((bucket) => (bucket === likely ? Promise.resolve(likelyRows) : read(bucket))),
      );
      rows.push(...parts.flat());
      visited += next.length;
      const stillNeeded = Math.ceil(((count - rows.length) * visited) / rows.length);
      width = Math.max(1, Math.min(rows.length === 0 ? 2 * width : stillNeeded, MOST_PARALLEL));
      const oldest = next.at(-1) ?? 0;
      listed = listed.slice(next.length);
      if (listed.length === 0 && areMoreListed && rows.length < count) {
        listed = await this.#buckets(conversationId, oldest - 1);
        areMoreListed = listed.length === BUCKETS_AT_ONCE;
      }
    }
    return rows.slice(0, count);
  }

  /** The newest buckets that may hold messages, from `newest` down. */
  async #buckets(conversationId: ConversationId, newest: number): Promise<number[]> {
    const rows = await this.#session.read(BUCKETS, [conversationId, newest, BUCKETS_AT_ONCE]);
    return rows.map((row) => row['bucket'] as number);
  }
}

/** Claims `key` for `message`: the id that the key stands for, unless it stands for another body. */
async function claim(
  writes: Writes,
  message: Message,
  key: IdempotencyKey,
): Promise<MessageId | 'key_reused'> {
  const { id, conversationId, senderId, receiverId, content } = message;
  // No user id holds a line break, so no two bodies read alike.
  const fingerprint = createHash('sha256').update(`${receiverId}\n${content}`).digest();
  const row = await writes.decide(CLAIM, [senderId, key, id, conversationId, fingerprint]);
  if (row['[applied]'] === true) return id;
  return fingerprint.equals(row['fingerprint'] as Buffer)
    ? (String(row['message_id']) as MessageId)
    : 'key_reused';
}

/** The message in a row that has its id, sender, receiver and content. */
export function messageOf(conversationId: ConversationId, row: Row): Message {
  return {
    id: String(row['message_id']) as MessageId,
    conversationId,
    senderId: row['sender_id'] as UserId,
    receiverId: row['receiver_id'] as UserId,
    content: row['content'] as string,
  };
}
