import type { Clock } from '../../application/ports/clock.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../domain/ids.ts';
import { contentBytesOf, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { TOP } from './inbox.ts';
import { prepared } from './prepared-statements.ts';
import type { Row, Session } from './session.ts';
import { bucketAt, bucketOf } from './time-buckets.ts';

/** The history of a conversation, read out of as many buckets as it takes. */

const BUCKETS = prepared(`
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket <= ? LIMIT ?`);

/** What is read of each message: its id, where messages are only passed over. */
const MESSAGES = {
  whole: prepared(`
    SELECT message_id, sender_id, receiver_id, content FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`),
  id: prepared(`
    SELECT message_id, sender_id FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`),
  /** Above a place, and without the content. */
  sender: prepared(`
    SELECT message_id, sender_id FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? AND message_id > ? LIMIT ?`),
};

const BUCKETS_AT_ONCE = 100;

/** How many buckets of a quiet conversation are read in parallel at most. */
const MOST_PARALLEL = 16;

/** Whole messages that one query asks for at most, so that it never brings more than 2.6 MB. */
const MESSAGES_AT_ONCE = 32;

/** Where a bucket is read on from. */
interface Rest {
  readonly bucket: number;
  readonly below: Position;
}

/** Reads histories. */
export class HistoryReader {
  readonly #session: Session;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(deps: { session: Session; clock: Pick<Clock, 'now'> }) {
    this.#session = deps.session;
    this.#clock = deps.clock;
  }

  /** The slice of a conversation, newest first. */
  async read(
    conversationId: ConversationId,
    { before, offset, limit, maxBytes = Infinity }: Slice,
  ): Promise<Message[]> {
    let below = before ?? TOP;
    if (offset > 0) {
      let passed = 0;
      for await (const rows of this.#walk({ columns: 'id', conversationId, before, count: offset })) {
        passed += rows.length;
        below = idOf(rows.at(-1)) ?? below;
      }
      if (passed < offset) return [];
    }
    const messages: Message[] = [];
    let bytes = 0;
    const from = offset > 0 ? below : before;
    const walk = { columns: 'whole', conversationId, before: from, count: limit, maxBytes } as const;
    for await (const rows of this.#walk(walk)) {
      for (const row of rows) {
        const message = messageOf(conversationId, row);
        messages.push(message);
        bytes += contentBytesOf(message);
        if (bytes > maxBytes) return messages;
      }
    }
    return messages;
  }

  /**
   * The ids and senders of the newest `count` messages above `after`, without reading their content. `newest` is near
   * the newest message; a conversation whose messages above `after` are all of one bucket takes one query.
   */
  async sendersAbove(
    conversationId: ConversationId,
    after: Position,
    newest: Position,
    count: number,
  ): Promise<{ readonly id: MessageId; readonly senderId: UserId }[]> {
    const found = [];
    const likely = bucketOf(conversationId, newest);
    for await (const rows of this.#walk({ columns: 'sender', conversationId, after, likely, count })) {
      for (const row of rows) {
        found.push({ id: String(row['message_id']) as MessageId, senderId: row['sender_id'] as UserId });
      }
    }
    return found;
  }

  /**
   * Up to `count` rows below `before` and above `after`, newest first, a part at a time. The bucket that most likely holds them is read
   * beside the list of buckets, and shown even if it is not listed. Each query asks for no more than is still missing.
   * Where buckets hold little, several are read in parallel, each for about twice what a bucket has held so far; so all
   * of them together bring at most about three times the rows that are missing. The caller stops at `maxBytes` of
   * content: what is read in parallel is as much as that leaves room for, by the messages so far.
   */
  async *#walk({
    columns,
    conversationId,
    before = null,
    after,
    likely = before === null
      ? bucketAt(conversationId, this.#clock.now() / 1000)
      : bucketOf(conversationId, before),
    count,
    maxBytes = Infinity,
  }: {
    readonly columns: keyof typeof MESSAGES;
    readonly conversationId: ConversationId;
    readonly before?: Position | null;
    /** Only with the columns `sender`. */
    readonly after?: Position;
    /** The bucket that most likely holds the rows. */
    readonly likely?: number;
    readonly count: number;
    readonly maxBytes?: number;
  }): AsyncGenerator<readonly Row[]> {
    const bounds = after === undefined ? [] : [after];
    const lowest = after === undefined ? -Infinity : bucketOf(conversationId, after);
    const atOnce = columns === 'whole' ? MESSAGES_AT_ONCE : count;
    const read = ({ bucket, below }: Rest, limit: number): Promise<Row[]> =>
      this.#session.read(MESSAGES[columns], [conversationId, bucket, below, ...bounds, limit]);
    let missing = count;
    let found = 0;
    let bytes = 0;
    const take = (part: readonly Row[]): readonly Row[] => {
      const rows = part.filter(isMessage).slice(0, missing);
      missing -= rows.length;
      found += rows.length;
      if (maxBytes < Infinity)
        for (const row of rows) bytes += contentBytesOf(messageOf(conversationId, row));
      return rows;
    };
    /** How many more rows the caller will probably take. */
    const expected = (): number =>
      bytes === 0 ? missing : Math.min(missing, Math.max(Math.ceil((maxBytes - bytes) / (bytes / found)), 1));

    /** The rest of a bucket of which a query brought as many rows as it asked for. */
    const readOn = async function* (bucket: number, rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
      for (let last = idOf(rows.at(-1)); last !== null && missing > 0;) {
        const limit = Math.min(expected(), atOnce);
        const more = await read({ bucket, below: last }, limit);
        yield take(more);
        last = more.length < limit ? null : idOf(more.at(-1));
      }
    };

    const top = before ?? TOP;
    const firstLimit = Math.min(missing, atOnce);
    const [likelyRows, newest] = await Promise.all([
      read({ bucket: likely, below: top }, firstLimit),
      likely <= lowest
        ? Promise.resolve<number[]>([])
        : this.#buckets(conversationId, bucketOf(conversationId, top), lowest),
    ]);
    let listed = newest.includes(likely) || likelyRows.length === 0 ? newest : withBucket(newest, likely);
    let areMoreListed = newest.length === BUCKETS_AT_ONCE;
    let visited = 0;
    while (missing > 0) {
      if (listed.length === 0 && !areMoreListed) return;
      const wanted = expected();
      const perBucket = visited === 0 ? wanted : found / visited;
      const likelyWidth = found === 0 ? MOST_PARALLEL : Math.ceil(wanted / Math.max(perBucket, 1));
      const width = visited === 0 ? 1 : Math.min(likelyWidth, MOST_PARALLEL);
      const group = listed.slice(0, width);
      const limit = width === 1 ? wanted : Math.min(Math.ceil(2 * perBucket) + 1, wanted);
      const limited = Math.min(limit, atOnce);
      const parts = await Promise.all(
        group.map((bucket) =>
          bucket === likely ? Promise.resolve(likelyRows) : read({ bucket, below: top }, limited),
        ),
      );
      for (const [index, bucket] of group.entries()) {
        const rows = parts[index] ?? [];
        visited += 1;
        if (rows.length > 0) yield take(rows);
        const asked = bucket === likely ? firstLimit : limited;
        if (missing > 0 && rows.length === asked) yield* readOn(bucket, rows);
        if (missing === 0) return;
      }
      const oldest = group.at(-1);
      listed = listed.slice(group.length);
      if (listed.length === 0 && areMoreListed && oldest !== undefined) {
        listed = await this.#buckets(conversationId, oldest - 1, lowest);
        areMoreListed = listed.length === BUCKETS_AT_ONCE;
      }
    }
  }

  /** The newest buckets that may hold messages, from `newest` down to `lowest`. */
  async #buckets(conversationId: ConversationId, newest: number, lowest: number): Promise<number[]> {
    const rows = await this.#session.read(BUCKETS, [conversationId, newest, BUCKETS_AT_ONCE]);
    return rows.map((row) => row['bucket'] as number).filter((bucket) => bucket >= lowest);
  }
}

function withBucket(buckets: readonly number[], bucket: number): number[] {
  return [...buckets, bucket].sort((a, b) => b - a);
}

function idOf(row: Row | undefined): Position | null {
  return row === undefined ? null : (String(row['message_id']) as Position);
}

/** Whether a row is a message; one that the marker `delivered` alone has left, as after a truncation, is none. */
export function isMessage(row: Row): boolean {
  return row['sender_id'] !== null;
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
