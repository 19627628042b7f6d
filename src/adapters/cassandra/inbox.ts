import { types } from 'cassandra-driver';
import { LRUCache } from 'lru-cache';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../../domain/ids.ts';
import { previewOf, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { EventLogState } from './event-log-state.ts';
import { prepared } from './prepared-statements.ts';
import type { Row, Session, Statement } from './session.ts';
import { firstWriteWins } from './time-buckets.ts';

/**
 * One user's inbox. The last-activity cell of a conversation says where it stands; the event log only lists
 * candidates. So an event that reached only some replicas can't show a conversation twice, and nothing is deleted when
 * a conversation moves: the events that it leaves behind list it for places that its cell then denies.
 */

const PUT_LAST_ACTIVITY = prepared(`
  INSERT INTO conversations_by_user (user_id, conversation_id, participants, last_activity, read_up_to)
  VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`);

const ENTRIES = prepared(`
  SELECT conversation_id, participants, last_activity, read_up_to FROM conversations_by_user
  WHERE user_id = ? LIMIT ?`);

const CANDIDATES = prepared(`
  SELECT event_id, conversation_id FROM events_by_user
  WHERE user_id = ? AND places = true AND event_id < ? AND event_id > ? LIMIT ?`);

/**
 * Without the read position, which not every row has and which is often older than the rest: with it, Cassandra could not
 * stop at the newest SSTable. It is read of the rows that a page shows.
 */
const LOOKUP = prepared(`
  SELECT conversation_id, participants, last_activity FROM conversations_by_user
  WHERE user_id = ? AND conversation_id IN ?`);

const READ_POSITIONS = prepared(`
  SELECT conversation_id, read_up_to FROM conversations_by_user WHERE user_id = ? AND conversation_id IN ?`);

const WRITE_TIMES = prepared(`
  SELECT conversation_id, writetime(last_activity) AS written FROM conversations_by_user WHERE user_id = ?`);

/** In a last-activity cell: no change of the message, or no message. */
const NIL = '00000000-0000-0000-0000-000000000000';

/** Above every id that is ever made. */
export const TOP = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as Position;

/**
 * The write that shows `message` in the inbox of `userId` at the place of `eventId`. Its sender has read up to its own
 * event. Idempotent.
 */
export function lastActivityRow(
  message: Message,
  participants: readonly UserId[],
  eventId: EventId,
  userId: UserId,
): Statement {
  const { id, conversationId, senderId, content } = message;
  const cell = new types.Tuple(eventId, NIL, id, senderId, previewOf(content));
  return {
    query: PUT_LAST_ACTIVITY,
    params: [
      userId,
      conversationId,
      participants,
      cell,
      userId === senderId && eventId === id ? id : undefined,
      microsecondsOf(eventId),
    ],
  };
}

/** The write that shows a conversation without messages in the inbox of `userId`, at its start. Idempotent. */
export function emptyConversationRow({ id, participants, created }: Conversation, userId: UserId): Statement {
  const cell = new types.Tuple(created, NIL, NIL, '', '');
  return {
    query: PUT_LAST_ACTIVITY,
    params: [userId, id, participants, cell, undefined, firstWriteWins(created)],
  };
}

/** An inbox of so many conversations is read whole, by one query. */
const SMALL_INBOX = 64;

/** Rows of the event log that one query asks for at most, and that one page reads at most. */
const LOG_ROWS_AT_ONCE = 200;
const LOG_ROWS_PER_PAGE = 1_000;

/**
 * With fewer than one in so many rows of the log kept, a scan of the inbox rows is cheaper; but not because one
 * conversation fills the top of the log.
 */
const LEAST_KEPT = 8;
const LOG_ROWS_BEFORE_SCAN = 400;

/** Inbox rows that one query looks up at most, and rows that one page of a scan brings. */
const LOOKUPS_AT_ONCE = 100;
const PARALLEL_LOOKUPS = 8;
const SCAN_PAGE = 5_000;

/** Users of whom this process found more than a small inbox. Inboxes never shrink, and a wrong guess costs a query. */
const MOST_LARGE_INBOXES = 100_000;

/** Reads inboxes out of the event log and the inbox rows. */
export class InboxReader {
  readonly #session: Session;
  readonly #eventLog: EventLogState;
  readonly #telemetry: Telemetry;
  readonly #large = new LRUCache<UserId, true>({ max: MOST_LARGE_INBOXES });

  constructor(deps: { session: Session; eventLog: EventLogState; telemetry: Telemetry }) {
    this.#session = deps.session;
    this.#eventLog = deps.eventLog;
    this.#telemetry = deps.telemetry;
  }

  /** The slice of a user's inbox, newest activity first. The same algorithm for every page. */
  async read(userId: UserId, slice: Slice): Promise<InboxEntry[]> {
    const page = new InboxPage(slice);
    await this.#collect(userId, page);
    const shown = page.entries();
    const positions = page.readPositions ?? (await this.#readPositions(userId, shown));
    this.#telemetry.inboxRead({ read: page.rowsRead, shown: shown.length });
    return shown.map((entry) => ({ ...entry, readUpTo: positions.get(entry.conversationId) ?? null }));
  }

  async #readPositions(userId: UserId, entries: readonly InboxPlace[]): Promise<ReadPositions> {
    if (entries.length === 0) return new Map();
    const ids = entries.map(({ conversationId }) => conversationId);
    return readPositionsIn(await this.#session.read(READ_POSITIONS, [userId, ids]));
  }

  async #collect(userId: UserId, page: InboxPage): Promise<void> {
    if (!this.#large.has(userId)) {
      const rows = await this.#session.read(ENTRIES, [userId, SMALL_INBOX + 1]);
      page.rowsRead += rows.length;
      if (rows.length <= SMALL_INBOX) {
        page.add(rows);
        page.readPositions = readPositionsIn(rows);
        return;
      }
      this.#large.set(userId, true);
    }
    if (!(await this.#readLog(userId, page))) await this.#scan(userId, page);
  }

  /**
   * Reads the log downwards from the page's beginning and looks the conversations up. The page is complete once the
   * log has been read down to the place of its last entry: then no conversation that stands there is missing, since
   * its event and its cell were acknowledged as one. Lookups follow the log, so a conversation that moves up in between is
   * found where it has moved to. False where the log ends before or lists mostly old places.
   */
  async #readLog(userId: UserId, page: InboxPage): Promise<boolean> {
    const start = this.#eventLog.start();
    const seen = new Set<string>();
    let from = page.before ?? TOP;
    let count = Math.min(2 * page.wanted, LOG_ROWS_AT_ONCE);
    let rowsRead = 0;
    while (from > start && rowsRead + count <= LOG_ROWS_PER_PAGE && page.wanted <= LOG_ROWS_PER_PAGE / 2) {
      const rows = await this.#session.read(CANDIDATES, [userId, from, start, count]);
      rowsRead += rows.length;
      page.rowsRead += rows.length;
      const last = rows.at(-1);
      if (last === undefined || rows.length < count) return false;
      const candidates = rows.map((row) => String(row['conversation_id'])).filter((id) => !seen.has(id));
      for (const id of candidates) seen.add(id);
      await this.#lookUp(userId, [...new Set(candidates)], page);
      from = String(last['event_id']) as Position;
      if (page.isCompleteDownTo(from)) return true;
      if (rowsRead >= LOG_ROWS_BEFORE_SCAN && page.kept * LEAST_KEPT < rowsRead) return false;
      count = LOG_ROWS_AT_ONCE;
    }
    return false;
  }

  /**
   * Takes the page from the inbox rows alone: first the ids and write times of all, which give the order but for ties,
   * then the entries in that order until the page is full, whole ties at a time.
   */
  async #scan(userId: UserId, page: InboxPage): Promise<void> {
    page.clear();
    const written: { readonly id: string; readonly microsecond: number }[] = [];
    let next: string | null = null;
    do {
      const { rows, next: following } = await this.#session.readPage(WRITE_TIMES, [userId], SCAN_PAGE, next);
      for (const row of rows)
        written.push({ id: String(row['conversation_id']), microsecond: placedAt(row) });
      next = following;
    } while (next !== null);
    page.rowsRead += written.length;

    const top = page.before === null ? Infinity : microsecondsOf(page.before);
    const order = written
      .filter(({ microsecond }) => microsecond <= top)
      .sort((a, b) => b.microsecond - a.microsecond);
    for (let end = 0; end < order.length && page.kept < page.wanted;) {
      const begin = end;
      end += Math.max(page.wanted - page.kept, 1);
      while (end < order.length && order[end]?.microsecond === order[end - 1]?.microsecond) end += 1;
      await this.#lookUp(
        userId,
        order.slice(begin, end).map(({ id }) => id),
        page,
      );
    }
  }

  async #lookUp(userId: UserId, ids: readonly string[], page: InboxPage): Promise<void> {
    for (let begin = 0; begin < ids.length;) {
      const queries: Promise<Row[]>[] = [];
      for (; begin < ids.length && queries.length < PARALLEL_LOOKUPS; begin += LOOKUPS_AT_ONCE) {
        queries.push(this.#session.read(LOOKUP, [userId, ids.slice(begin, begin + LOOKUPS_AT_ONCE)]));
      }
      for (const rows of await Promise.all(queries)) {
        page.rowsRead += rows.length;
        page.add(rows);
      }
    }
  }
}

/** An entry as the rows without the read position show it. */
export type InboxPlace = Omit<InboxEntry, 'readUpTo'>;

type ReadPositions = ReadonlyMap<string, EventId | null>;

/** A page in the making: the entries found so far that stand below its beginning. */
class InboxPage {
  readonly before: Position | null;
  /** How many entries from `before` on the page has to know. */
  readonly wanted: number;
  rowsRead = 0;
  /** Null where the rows came without them. */
  readPositions: ReadPositions | null = null;
  readonly #offset: number;
  #entries: InboxPlace[] = [];

  constructor({ before, offset, limit }: Slice) {
    this.before = before;
    this.wanted = offset + limit;
    this.#offset = offset;
  }

  get kept(): number {
    return this.#entries.length;
  }

  /** Keeps the rows whose cell places them below the beginning, whatever listed them. */
  add(rows: readonly Row[]): void {
    for (const row of rows) {
      const entry = entryOf(row);
      if (entry !== null && (this.before === null || entry.lastEventId < this.before))
        this.#entries.push(entry);
    }
  }

  clear(): void {
    this.#entries = [];
  }

  /** Whether as many entries as are wanted stand at `place` or above it. */
  isCompleteDownTo(place: Position): boolean {
    return this.#entries.filter(({ lastEventId }) => lastEventId >= place).length >= this.wanted;
  }

  entries(): InboxPlace[] {
    return this.#entries
      .sort((a, b) => (a.lastEventId > b.lastEventId ? -1 : 1))
      .slice(this.#offset, this.wanted);
  }
}

/** The microsecond of the event that places a row, by its write time. A start has minus its nanoseconds there. */
function placedAt(row: Row): number {
  const written = row['written'] as types.Long | null;
  if (written === null) return 0;
  // Nanoseconds since 1970 are more than a JavaScript number holds exactly.
  return written.isNegative() ? written.negate().div(1_000).toNumber() : written.toNumber();
}

/** The rows of these conversations in a user's inbox, in no order; one that has none is left out. */
export async function findEntries(
  session: Session,
  userId: UserId,
  ids: readonly ConversationId[],
): Promise<InboxPlace[]> {
  return (await session.read(LOOKUP, [userId, ids])).flatMap((row) => entryOf(row) ?? []);
}

function readPositionsIn(rows: readonly Row[]): ReadPositions {
  return new Map(rows.map((row) => [String(row['conversation_id']), readUpToOf(row)]));
}

/** The read position in a row of conversations_by_user. */
export function readUpToOf(row: Row): EventId | null {
  const cell = row['read_up_to'] as types.Uuid | null;
  return cell === null ? null : (String(cell) as EventId);
}

/** What a row of conversations_by_user shows; null where it shows nothing. */
export function entryOf(row: Row): InboxPlace | null {
  const cell = row['last_activity'] as types.Tuple | null;
  if (cell === null) return null;
  const messageId = String(cell.get(2));
  return {
    conversationId: String(row['conversation_id']) as ConversationId,
    participants: row['participants'] as readonly UserId[],
    lastEventId: String(cell.get(0)) as EventId,
    lastMessage:
      messageId === NIL
        ? null
        : {
            messageId: messageId as MessageId,
            senderId: cell.get(3) as UserId,
            preview: cell.get(4) as string,
          },
  };
}
