import type { types } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../../domain/ids.ts';
import { contentBytesOf, withDeletion, withEdit, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { TOP } from './inbox.ts';
import { prepared } from './prepared-statements.ts';
import type { Row, Session } from './session.ts';
import { bucketAt, bucketOf } from './time-buckets.ts';

/** Reads the history of a conversation from as many buckets as needed. */

const BUCKETS = prepared(`
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket <= ? LIMIT ?`);

/** The columns read of each message: `id` if messages are only skipped. */
const MESSAGES = {
  whole: prepared(`
    SELECT message_id, sender_id, receiver_id, content, edit, deletion FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`),
  id: prepared(`
    SELECT message_id, sender_id FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? LIMIT ?`),
  /** Above a position, and without the content. */
  sender: prepared(`
    SELECT message_id, sender_id, deletion FROM messages_by_conversation
    WHERE conversation_id = ? AND bucket = ? AND message_id < ? AND message_id > ? LIMIT ?`),
};

const DELETIONS = prepared(`
  SELECT message_id, deletion FROM messages_by_conversation
  WHERE conversation_id = ? AND bucket = ? AND message_id IN ?`);

const BUCKETS_PER_QUERY = 100;

/** The maximum number of buckets that are read in parallel. */
const MAX_PARALLEL = 16;

/** The maximum number of whole messages per query, so that it never returns more than 2.6 MB. */
const MESSAGES_PER_QUERY = 32;

/** The rest of a bucket, below a position. */
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
      let skipped = 0;
      for await (const rows of this.#walk({ columns: 'id', conversationId, before, count: offset })) {
        skipped += rows.length;
        below = idOf(rows.at(-1)) ?? below;
      }
      if (skipped < offset) return [];
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
   * The newest `count` messages above `after` that are not deleted and not by `userId`, without reading their content.
   * `newest` is near the newest message; if all messages above `after` are in one bucket, this usually takes one query. It
   * ends after more than `maxUncounted` other rows; then `isComplete` is false, since there may be more messages.
   */
  async othersAbove(
    conversationId: ConversationId,
    userId: UserId,
    range: {
      readonly after: Position;
      readonly before: Position | null;
      readonly newest: Position;
      readonly count: number;
      readonly maxUncounted: number;
    },
  ): Promise<{ readonly ids: MessageId[]; readonly isComplete: boolean }> {
    const { after, before, newest, count, maxUncounted } = range;
    const ids: MessageId[] = [];
    const uncounted = { rows: 0, max: maxUncounted };
    const isCounted = (row: Row): boolean => row['deletion'] === null && row['sender_id'] !== userId;
    const likely = bucketOf(conversationId, newest);
    const walk = {
      columns: 'sender',
      conversationId,
      after,
      before,
      likely,
      count,
      isCounted,
      uncounted,
    } as const;
    for await (const rows of this.#walk(walk)) {
      for (const row of rows) ids.push(String(row['message_id']) as MessageId);
    }
    return { ids, isComplete: uncounted.rows <= uncounted.max };
  }

  /** Those of `ids` that are deleted. */
  async deletedAmong(
    conversationId: ConversationId,
    ids: readonly MessageId[],
  ): Promise<ReadonlySet<MessageId>> {
    const rows = await readByIds(this.#session, DELETIONS, conversationId, ids);
    return new Set(
      rows.filter((row) => row['deletion'] !== null).map((row) => String(row['message_id']) as MessageId),
    );
  }

  /**
   * Yields up to `count` rows below `before` and above `after`, newest first, in parts. The bucket that most likely holds
   * them is read first: alone if no newer one can hold any, as below a cursor, and otherwise in parallel with the list of
   * buckets. Its rows are yielded even if it is not listed. Each query asks for at most the number of rows still missing. If
   * buckets hold few rows, several are read in parallel, each with a limit of about twice the average of the buckets so far;
   * so all of them together return at most about three times the missing rows. The caller stops at `maxBytes` of content: the
   * number of rows to read in parallel is estimated from the bytes left and the average size of the messages so far. Only
   * rows for which `isCounted` is true are yielded and count; it ends early after more than `uncounted.max` others.
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
    isCounted = isMessage,
    uncounted = { rows: 0, max: Infinity },
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
    readonly isCounted?: (row: Row) => boolean;
    /** The number of rows so far that do not count, and its limit. */
    readonly uncounted?: { rows: number; readonly max: number };
  }): AsyncGenerator<readonly Row[]> {
    const bounds = after === undefined ? [] : [after];
    const lowest = after === undefined ? -Infinity : bucketOf(conversationId, after);
    const maxPerQuery = columns === 'whole' ? MESSAGES_PER_QUERY : count;
    const read = ({ bucket, below }: Rest, limit: number): Promise<Row[]> =>
      this.#session.read(MESSAGES[columns], [conversationId, bucket, below, ...bounds, limit]);
    let missing = count;
    let found = 0;
    let bytes = 0;
    const take = (part: readonly Row[]): readonly Row[] => {
      const counted = part.filter((row) => isMessage(row) && isCounted(row));
      const rows = counted.slice(0, missing);
      missing -= rows.length;
      uncounted.rows += part.length - counted.length;
      if (uncounted.rows > uncounted.max) missing = 0;
      found += rows.length;
      if (maxBytes < Infinity)
        for (const row of rows) bytes += contentBytesOf(messageOf(conversationId, row));
      return rows;
    };
    /** The estimated number of rows that the caller still takes. */
    const expected = (): number =>
      bytes === 0 ? missing : Math.min(missing, Math.max(Math.ceil((maxBytes - bytes) / (bytes / found)), 1));

    /** The rest of a bucket, after a query that returned as many rows as its limit. */
    const readRest = async function* (bucket: number, rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
      for (let last = idOf(rows.at(-1)); last !== null && missing > 0;) {
        // Without content, more rows cost little, and many of them may not count.
        const limit = columns === 'sender' ? maxPerQuery : Math.min(expected(), maxPerQuery);
        const more = await read({ bucket, below: last }, limit);
        yield take(more);
        last = more.length < limit ? null : idOf(more.at(-1));
      }
    };

    const top = before ?? TOP;
    const firstLimit = Math.min(missing, maxPerQuery);
    const highest = bucketOf(conversationId, top);
    const [likelyRows, newest] = await Promise.all([
      read({ bucket: likely, below: top }, firstLimit),
      likely <= lowest || likely === highest
        ? Promise.resolve<number[]>([])
        : this.#buckets(conversationId, highest, lowest),
    ]);
    // If the list goes on above the likely bucket, as for a process whose clock is years behind, that bucket comes later.
    const comesLater = likely < (newest[BUCKETS_PER_QUERY - 1] ?? -Infinity);
    const isUnlisted = likelyRows.length > 0 && !newest.includes(likely) && !comesLater;
    let listed = isUnlisted ? withBucket(newest, likely) : newest;
    let areMoreListed = likely === highest ? likely > lowest : newest.length === BUCKETS_PER_QUERY;
    let visited = 0;
    while (missing > 0) {
      if (listed.length === 0 && !areMoreListed) return;
      const needed = expected();
      const perBucket = visited === 0 ? needed : found / visited;
      const likelyWidth = found === 0 ? MAX_PARALLEL : Math.ceil(needed / Math.max(perBucket, 1));
      const width = visited === 0 ? 1 : Math.min(likelyWidth, MAX_PARALLEL);
      const group = listed.slice(0, width);
      const limit = width === 1 ? needed : Math.min(Math.ceil(2 * perBucket) + 1, needed);
      const limited = Math.min(limit, maxPerQuery);
      const parts = await Promise.all(
        group.map((bucket) =>
          bucket === likely ? Promise.resolve(likelyRows) : read({ bucket, below: top }, limited),
        ),
      );
      for (const [index, bucket] of group.entries()) {
        const rows = parts[index] ?? [];
        visited += 1;
        if (rows.length > 0) yield take(rows);
        const rowLimit = bucket === likely ? firstLimit : limited;
        if (missing > 0 && rows.length === rowLimit) yield* readRest(bucket, rows);
        if (missing === 0) return;
      }
      const oldest = group.at(-1);
      listed = listed.slice(group.length);
      if (listed.length === 0 && areMoreListed) {
        listed = await this.#buckets(conversationId, (oldest ?? likely) - 1, lowest);
        areMoreListed = listed.length === BUCKETS_PER_QUERY;
      }
    }
  }

  /** The newest buckets that may hold messages, from `newest` down to `lowest`. */
  async #buckets(conversationId: ConversationId, newest: number, lowest: number): Promise<number[]> {
    const rows = await this.#session.read(BUCKETS, [conversationId, newest, BUCKETS_PER_QUERY]);
    return rows.map((row) => row['bucket'] as number).filter((bucket) => bucket >= lowest);
  }
}

function withBucket(buckets: readonly number[], bucket: number): number[] {
  return [...buckets, bucket].sort((a, b) => b - a);
}

function idOf(row: Row | undefined): Position | null {
  return row === undefined ? null : (String(row['message_id']) as Position);
}

/** Whether a row is a message: a row with only the marker `delivered`, as after a truncation, is not. */
export function isMessage(row: Row): boolean {
  return row['sender_id'] !== null;
}

/** The message in a row with the columns id, sender, receiver, content, edit and deletion. */
export function messageOf(conversationId: ConversationId, row: Row): Message {
  const message: Message = {
    id: String(row['message_id']) as MessageId,
    conversationId,
    senderId: row['sender_id'] as UserId,
    receiverId: row['receiver_id'] as UserId,
    content: row['content'] as string,
    editId: null,
    deletionId: null,
  };
  const deletion = row['deletion'] as types.Uuid | null;
  if (deletion !== null) return withDeletion(message, String(deletion) as EventId);
  const edit = row['edit'] as types.Tuple | null;
  return edit === null ? message : withEdit(message, String(edit.get(0)) as EventId, edit.get(1) as string);
}

/** The rows of these messages, by a query with their ids as its last parameter. */
export async function readByIds(
  session: Pick<Session, 'read'>,
  query: string,
  conversationId: ConversationId,
  ids: readonly MessageId[],
): Promise<Row[]> {
  const byBucket = new Map<number, MessageId[]>();
  for (const id of ids) {
    const bucket = bucketOf(conversationId, id);
    byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), id]);
  }
  const parts = [...byBucket].map(([bucket, some]) => session.read(query, [conversationId, bucket, some]));
  return (await Promise.all(parts)).flat();
}
