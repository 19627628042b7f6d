import { types } from 'cassandra-driver';
import { LRUCache } from 'lru-cache';
import { makeBudget } from '../../application/budget.ts';
import { mapLimited } from '../../application/map-limited.ts';
import { Overload } from '../../application/overload.ts';
import type { GroupRepository } from '../../application/ports/group-repository.ts';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import { lastMessageOf, type Conversation, type InboxEntry } from '../../domain/conversation.ts';
import { atMembership, type OwnMembership } from '../../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type MessageId,
  type Position,
  type UserId,
} from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { EventLogState } from './event-log-state.ts';
import { prepared } from './prepared-statements.ts';
import type { Row, RowPage, Session, Statement } from './session.ts';
import { SharedReads } from './shared-reads.ts';
import { firstWriteWins } from './time-buckets.ts';

/**
 * One user's inbox. The last-activity cell of a conversation defines its position; the event log only lists candidates.
 * So an event that reached only some replicas can't show a conversation twice, and nothing is deleted when a
 * conversation moves: its older events still list it, but readers skip them because its cell has another position.
 */

const PUT_LAST_ACTIVITY = prepared(`
  INSERT INTO conversations_by_user (user_id, conversation_id, participants, last_activity, read_up_to)
  VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`);

/** The driver writes an empty set as null, so the participants of a group are in the text of the statement. */
const PUT_GROUP_ACTIVITY = prepared(`
  INSERT INTO conversations_by_user (user_id, conversation_id, participants, last_activity, read_up_to)
  VALUES (?, ?, {}, ?, ?) USING TIMESTAMP ?`);

const PUT_GROUP = prepared(`
  INSERT INTO conversations_by_user (user_id, conversation_id, participants, last_activity, membership)
  VALUES (?, ?, {}, ?, ?) USING TIMESTAMP ?`);

const PUT_MEMBERSHIP = prepared(`
  INSERT INTO conversations_by_user (user_id, conversation_id, membership) VALUES (?, ?, ?) USING TIMESTAMP ?`);

/** In the user's own partition, as for a conversation of two. */
const MEMBERSHIP = prepared(`
  SELECT membership FROM conversations_by_user WHERE user_id = ? AND conversation_id = ?`);

const ENTRIES = prepared(`
  SELECT conversation_id, participants, last_activity, read_up_to, membership FROM conversations_by_user
  WHERE user_id = ? LIMIT ?`);

const CANDIDATES = prepared(`
  SELECT event_id, conversation_id FROM events_by_user
  WHERE user_id = ? AND places = true AND event_id < ? AND event_id > ? LIMIT ?`);

/**
 * Without the read position and the membership, which not every row has and which are often older than the other cells:
 * with them, Cassandra could not stop at the newest SSTable. Separate queries read them: the read positions of the rows
 * that a page shows, and the memberships of groups, which determine their positions.
 */
const LOOKUP = prepared(`
  SELECT conversation_id, participants, last_activity FROM conversations_by_user
  WHERE user_id = ? AND conversation_id IN ?`);

const MEMBERSHIPS = prepared(`
  SELECT conversation_id, membership FROM conversations_by_user WHERE user_id = ? AND conversation_id IN ?`);

const READ_POSITIONS = prepared(`
  SELECT conversation_id, read_up_to FROM conversations_by_user WHERE user_id = ? AND conversation_id IN ?`);

const WRITE_TIMES = prepared(`
  SELECT conversation_id, writetime(last_activity) AS written, membership FROM conversations_by_user WHERE user_id = ?`);

/** In a last-activity cell: no change of the message, or no message. */
export const NIL = '00000000-0000-0000-0000-000000000000';

/** In a last-activity cell: the change that is a deletion, above every edit. */
const DELETED = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Above every id. */
export const TOP = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as Position;

/**
 * The write that shows `message` in the inbox of `userId` at the position of `eventId`. For the sender it also moves the
 * read position to the message's own event. Idempotent; of several states of the message the latest wins, in any order of
 * writes: an edit replaces the original, a later edit an earlier one, and a deletion all of them.
 */
export function lastActivityRow(
  message: Message,
  participants: readonly UserId[],
  eventId: EventId,
  userId: UserId,
): Statement {
  const { id, conversationId, senderId } = message;
  const change = message.deletionId === null ? (message.editId ?? NIL) : DELETED;
  const cell = new types.Tuple(eventId, change, id, senderId, lastMessageOf(message).preview ?? '');
  const readUpTo = userId === senderId && eventId === id ? id : undefined;
  const values = [cell, readUpTo, microsecondsOf(eventId)];
  return isGroupId(conversationId)
    ? { query: PUT_GROUP_ACTIVITY, params: [userId, conversationId, ...values] }
    : { query: PUT_LAST_ACTIVITY, params: [userId, conversationId, participants, ...values] };
}

/** The write that shows a conversation without messages in the inbox of `userId`, at the position of its start. Idempotent. */
export function emptyConversationRow({ id, participants, created }: Conversation, userId: UserId): Statement {
  const cell = new types.Tuple(created, NIL, NIL, '', '');
  return {
    query: PUT_LAST_ACTIVITY,
    params: [userId, id, participants, cell, undefined, firstWriteWins(created)],
  };
}

/** The write that shows a group to `userId`, who joins it with the event `joined`. Idempotent. */
export function groupRow(id: ConversationId, userId: UserId, joined: EventId): Statement {
  const cell = new types.Tuple(joined, NIL, NIL, '', '');
  const membership = membershipCell({ joined, left: null, nameAtLeaving: null });
  return { query: PUT_GROUP, params: [userId, id, cell, membership, microsecondsOf(joined)] };
}

/** The write that ends a membership in the inbox of `userId`. Idempotent; of several memberships the last one wins. */
export function membershipRow(id: ConversationId, userId: UserId, membership: OwnMembership): Statement {
  const { joined, left } = membership;
  const timestamp = microsecondsOf(left ?? joined);
  return { query: PUT_MEMBERSHIP, params: [userId, id, membershipCell(membership), timestamp] };
}

function membershipCell({ joined, left, nameAtLeaving }: OwnMembership): types.Tuple {
  return new types.Tuple(joined, left ?? NIL, nameAtLeaving ?? '');
}

/**
 * The row of a group in the inbox of `userId`; its membership is null while the user is being added. Null if there is no
 * row.
 */
export async function findOwnMembership(
  { read }: Pick<Session, 'read'>,
  userId: UserId,
  id: ConversationId,
): Promise<{ readonly membership: OwnMembership | null } | null> {
  const [row] = await read(MEMBERSHIP, [userId, id]);
  return row === undefined ? null : { membership: membershipOf(row) };
}

/** The membership in a row of conversations_by_user; null if it has none. */
export function membershipOf(row: Row): OwnMembership | null {
  const cell = (row['membership'] ?? null) as types.Tuple | null;
  if (cell === null) return null;
  const [left, name] = [String(cell.get(1)), cell.get(2) as string];
  return {
    joined: String(cell.get(0)) as EventId,
    left: left === NIL ? null : (left as EventId),
    nameAtLeaving: name === '' ? null : name,
  };
}

/** An inbox of up to this many conversations is read completely, by one query. */
const SMALL_INBOX = 64;

/** The maximum rows of the event log per query and per page. */
const LOG_ROWS_PER_QUERY = 200;
const LOG_ROWS_PER_PAGE = 1_000;

/**
 * If fewer than one in eight rows of the log gives an entry, a scan of the inbox rows is cheaper. This is checked only
 * after 400 rows, since a single conversation may fill the top of the log.
 */
const MAX_LOG_ROWS_PER_ENTRY = 8;
const LOG_ROWS_BEFORE_SCAN = 400;

/** The maximum inbox rows per lookup query, the maximum parallel lookups, and the rows per page of a scan. */
const LOOKUPS_PER_QUERY = 100;
const PARALLEL_LOOKUPS = 8;
const SCAN_PAGE = 5_000;

/** The size of the cache of users with more than a small inbox. Inboxes never shrink, and a wrong guess costs one query. */
const MAX_LARGE_INBOXES = 100_000;

/** A scan of more than this many conversations is limited, and shared between requests. */
const SHORT_SCAN = 1_000;

/** The size of the cache of users whose scan is longer. A wrong guess costs one query. */
const MAX_LONG_SCANS = 10_000;

/**
 * The maximum number of long scans that run at the same time, and of pages that wait for them or look up their entries: a
 * quarter of the lowest concurrency limit, so that other requests are not rejected meanwhile. A scan of 100,000
 * conversations takes `0.4 s` of processor time, and a numbered page up to 2,000 lookups. The inbox of one user takes half
 * of these pages, so that its requests do not keep those of others out.
 */
const PARALLEL_SCANS = 2;
const MAX_SCANNED_PAGES = 8;

/** Reads inboxes from the event log and the inbox rows. */
export class InboxReader {
  readonly #session: Session;
  readonly #groups: Pick<GroupRepository, 'findMembership'>;
  readonly #eventLog: EventLogState;
  readonly #telemetry: Telemetry;
  readonly #large = new LRUCache<UserId, true>({ max: MAX_LARGE_INBOXES });
  readonly #scanIsLong = new LRUCache<UserId, true>({ max: MAX_LONG_SCANS });
  readonly #scans = new SharedReads<UserId, readonly WrittenRow[]>({ maxRunning: PARALLEL_SCANS });
  /** The pages in progress that need a long scan. */
  readonly #scannedPages = makeBudget({
    total: MAX_SCANNED_PAGES,
    share: MAX_SCANNED_PAGES / 2,
  });

  constructor(deps: {
    session: Session;
    groups: Pick<GroupRepository, 'findMembership'>;
    eventLog: EventLogState;
    telemetry: Telemetry;
  }) {
    this.#session = deps.session;
    this.#groups = deps.groups;
    this.#eventLog = deps.eventLog;
    this.#telemetry = deps.telemetry;
  }

  /**
   * The slice of a user's inbox, newest activity first. Every page is read by the same algorithm. Rejects with an `Overload`
   * if the page needs a long scan and too many others of this user or of all users do.
   */
  async read(userId: UserId, slice: Slice): Promise<InboxEntry[]> {
    const page = new InboxPage(slice);
    await this.#collect(userId, page);
    const shown = page.rows();
    const positions = page.hasReadPositions ? null : await this.#readPositions(userId, shown);
    this.#telemetry.inboxRead({ read: page.rowsRead, shown: shown.length });
    return shown.map(({ row, entry, membership }) => ({
      ...(membership === null ? entry : atMembership(entry, membership)),
      readUpTo: positions === null ? readUpToOf(row) : (positions.get(entry.conversationId) ?? null),
    }));
  }

  async #readPositions(
    userId: UserId,
    shown: readonly ShownRow[],
  ): Promise<ReadonlyMap<string, EventId | null>> {
    if (shown.length === 0) return new Map();
    const ids = shown.map(({ entry }) => entry.conversationId);
    const rows = await this.#session.read(READ_POSITIONS, [userId, ids]);
    return new Map(rows.map((row) => [String(row['conversation_id']), readUpToOf(row)]));
  }

  async #collect(userId: UserId, page: InboxPage): Promise<void> {
    if (!this.#large.has(userId)) {
      const rows = await this.#session.read(ENTRIES, [userId, SMALL_INBOX + 1]);
      page.rowsRead += rows.length;
      if (rows.length <= SMALL_INBOX) {
        await this.#add(userId, rows, page, membershipOf);
        page.hasReadPositions = true;
        return;
      }
      this.#large.set(userId, true);
    }
    if (!(await this.#readLog(userId, page))) await this.#scan(userId, page);
  }

  /**
   * Reads the log downwards from the start of the page and looks up the conversations. The page is complete when the log
   * has been read down to the position of its last entry: then no conversation above that position is missing, since
   * event and cell are acknowledged together. Lookups run after the log is read, so a conversation that moves up in
   * between is found at its new position. Resolves to false if the log ends earlier or lists mostly old positions.
   */
  async #readLog(userId: UserId, page: InboxPage): Promise<boolean> {
    const start = this.#eventLog.start();
    const seen = new Set<string>();
    let from = page.before ?? TOP;
    let count = Math.min(2 * page.needed, LOG_ROWS_PER_QUERY);
    let rowsRead = 0;
    while (from > start && rowsRead + count <= LOG_ROWS_PER_PAGE && page.needed <= LOG_ROWS_PER_PAGE / 2) {
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
      if (rowsRead >= LOG_ROWS_BEFORE_SCAN && page.entryCount * MAX_LOG_ROWS_PER_ENTRY < rowsRead)
        return false;
      count = LOG_ROWS_PER_QUERY;
    }
    return false;
  }

  /**
   * Reads the page only from the inbox rows: first the ids and write times of all rows, which give the order except for
   * ties, then the entries in that order until the page is full. Rows with the same write time are read together.
   */
  async #scan(userId: UserId, page: InboxPage): Promise<void> {
    page.clear();
    if (!this.#scanIsLong.has(userId)) {
      const { rows, next } = await this.#session.readPage(WRITE_TIMES, [userId], SHORT_SCAN, null);
      page.rowsRead += rows.length;
      if (next === null) return this.#lookUpInOrder(userId, inOrder(await this.#written(userId, rows)), page);
      this.#scanIsLong.set(userId, true);
    }
    if (!this.#scannedPages.reserve(userId, 1)) throw new Overload();
    try {
      const order = await this.#scans.run(userId, () => this.#readOrder(userId));
      page.rowsRead += order.length;
      await this.#lookUpInOrder(userId, order, page);
    } finally {
      this.#scannedPages.release(userId, 1);
    }
  }

  /** All rows of an inbox, newest first. */
  async #readOrder(userId: UserId): Promise<readonly WrittenRow[]> {
    const written: WrittenRow[] = [];
    let next: string | null = null;
    do {
      const part: RowPage = await this.#session.readPage(WRITE_TIMES, [userId], SCAN_PAGE, next);
      for (const row of await this.#written(userId, part.rows)) written.push(row);
      next = part.next;
    } while (next !== null);
    return inOrder(written);
  }

  /** The rows of a scan with their places. A group that the user has left is at most at the event of leaving. */
  async #written(userId: UserId, rows: readonly Row[]): Promise<WrittenRow[]> {
    const afterLeaving: { id: string; microsecond: number }[] = [];
    const written = rows.map((row) => {
      const place = { id: String(row['conversation_id']), microsecond: writtenAt(row) };
      const left = membershipOf(row)?.left ?? null;
      if (left !== null && place.microsecond > microsecondsOf(left)) afterLeaving.push(place);
      return place;
    });
    // See `#add`.
    await mapLimited(afterLeaving, async (place) => {
      const left = (await this.#groups.findMembership(place.id as ConversationId, userId))?.left ?? null;
      if (left !== null) place.microsecond = microsecondsOf(left);
    });
    return written;
  }

  /** Looks up the entries in `order` below the start of the page until it is full. */
  async #lookUpInOrder(userId: UserId, order: readonly WrittenRow[], page: InboxPage): Promise<void> {
    const top = page.before === null ? Infinity : microsecondsOf(page.before);
    const below = order.filter(({ microsecond }) => microsecond <= top);
    for (let end = 0; end < below.length && page.entryCount < page.needed;) {
      const begin = end;
      end += Math.max(page.needed - page.entryCount, 1);
      while (end < below.length && below[end]?.microsecond === below[end - 1]?.microsecond) end += 1;
      await this.#lookUp(
        userId,
        below.slice(begin, end).map(({ id }) => id),
        page,
      );
    }
  }

  async #lookUp(userId: UserId, ids: readonly string[], page: InboxPage): Promise<void> {
    for (let begin = 0; begin < ids.length;) {
      const queries: Promise<Row[]>[] = [];
      for (; begin < ids.length && queries.length < PARALLEL_LOOKUPS; begin += LOOKUPS_PER_QUERY) {
        queries.push(this.#session.read(LOOKUP, [userId, ids.slice(begin, begin + LOOKUPS_PER_QUERY)]));
      }
      for (const rows of await Promise.all(queries)) {
        page.rowsRead += rows.length;
        const memberships = await this.#memberships(userId, rows);
        await this.#add(userId, rows, page, (row) => memberships.get(String(row['conversation_id'])) ?? null);
      }
    }
  }

  /**
   * Adds `rows` to the page. A creation of a group or a join writes the membership in the inbox last. If it was interrupted,
   * only the row of the group has it, and sends are acknowledged. So it is read there if it is missing, or if it ended before
   * the last activity: a second join was interrupted, or a send was in progress when the user left.
   */
  async #add(
    userId: UserId,
    rows: readonly Row[],
    page: InboxPage,
    membershipIn: (row: Row) => OwnMembership | null,
  ): Promise<void> {
    const uncertain: Row[] = [];
    for (const row of rows) {
      const membership = membershipIn(row);
      if (isUncertain(row, membership)) uncertain.push(row);
      else page.add(row, membership);
    }
    await mapLimited(uncertain, async (row) => {
      const id = String(row['conversation_id']) as ConversationId;
      const membership = await this.#groups.findMembership(id, userId);
      if (membership !== null) page.add(row, membership);
    });
  }

  /** The memberships in those of `rows` that are groups, by conversation id. */
  async #memberships(
    userId: UserId,
    rows: readonly Row[],
  ): Promise<ReadonlyMap<string, OwnMembership | null>> {
    const groups = rows.map((row) => String(row['conversation_id']) as ConversationId).filter(isGroupId);
    if (groups.length === 0) return new Map();
    const found = await this.#session.read(MEMBERSHIPS, [userId, groups]);
    return new Map(found.map((row) => [String(row['conversation_id']), membershipOf(row)]));
  }
}

/** An inbox entry of a row without the read position and the membership. */
export type InboxRow = Omit<InboxEntry, 'readUpTo' | 'membership'>;

/** A row of a page. Its position is that of its entry, or the end of a membership before it. */
interface PlacedRow {
  readonly row: Row;
  readonly position: EventId;
  readonly membership: OwnMembership | null;
}

interface ShownRow extends PlacedRow {
  readonly entry: InboxRow;
}

/** A page that is being read: the rows found so far below its start. Only those that it shows become entries. */
class InboxPage {
  readonly before: Position | null;
  /** The number of entries below `before` that the page needs. */
  readonly needed: number;
  rowsRead = 0;
  /** Whether the rows were read with the read positions. */
  hasReadPositions = false;
  readonly #offset: number;
  #rows: PlacedRow[] = [];

  constructor({ before, offset, limit }: Slice) {
    this.before = before;
    this.needed = offset + limit;
    this.#offset = offset;
  }

  get entryCount(): number {
    return this.#rows.length;
  }

  /** Adds a row if its position is below the start of the page; in a group with the membership of the user. */
  add(row: Row, membership: OwnMembership | null): void {
    const lastEventId = lastEventIdOf(row);
    if (lastEventId === null) return;
    const position =
      membership === null ? lastEventId : atMembership({ lastEventId }, membership).lastEventId;
    if (this.before === null || position < this.before) this.#rows.push({ row, position, membership });
  }

  clear(): void {
    this.#rows = [];
  }

  /** Whether enough entries are at `limit` or above it. */
  isCompleteDownTo(limit: Position): boolean {
    return this.#rows.filter(({ position }) => position >= limit).length >= this.needed;
  }

  rows(): ShownRow[] {
    return this.#rows
      .sort((a, b) => (a.position > b.position ? -1 : 1))
      .slice(this.#offset, this.needed)
      .flatMap((placed) => {
        const entry = entryOf(placed.row);
        return entry === null ? [] : { ...placed, entry };
      });
  }
}

/** Whether a group may have another membership than its row in the inbox. */
function isUncertain(row: Row, membership: OwnMembership | null): boolean {
  if (membership === null) return isGroupId(String(row['conversation_id']) as ConversationId);
  return membership.left !== null && (lastEventIdOf(row) ?? NIL) > membership.left;
}

/** A row of an inbox in a scan, and the microsecond of its position. */
interface WrittenRow {
  readonly id: string;
  readonly microsecond: number;
}

/** Sorts `rows`, newest first. */
function inOrder(rows: WrittenRow[]): readonly WrittenRow[] {
  return rows.sort((a, b) => b.microsecond - a.microsecond);
}

/**
 * The microsecond of the last activity in a row, from its write time. For the start of a conversation of two, the write time
 * is minus its nanoseconds.
 */
function writtenAt(row: Row): number {
  const written = row['written'] as types.Long | null;
  if (written === null) return 0;
  // Nanoseconds since 1970 are more than a JavaScript number holds exactly.
  return written.isNegative() ? written.negate().div(1_000).toNumber() : written.toNumber();
}

/** The rows of these conversations in a user's inbox, in no order. A conversation without a row is left out. */
export async function findEntries(
  session: Pick<Session, 'read'>,
  userId: UserId,
  ids: readonly ConversationId[],
): Promise<InboxRow[]> {
  return (await session.read(LOOKUP, [userId, ids])).flatMap((row) => entryOf(row) ?? []);
}

/** The read position in a row of conversations_by_user. */
export function readUpToOf(row: Row): EventId | null {
  const cell = row['read_up_to'] as types.Uuid | null;
  return cell === null ? null : (String(cell) as EventId);
}

/** The position in a row of conversations_by_user; null if the row has no last activity. */
function lastEventIdOf(row: Row): EventId | null {
  const cell = row['last_activity'] as types.Tuple | null;
  return cell === null ? null : (String(cell.get(0)) as EventId);
}

/** The inbox entry in a row of conversations_by_user; null if the row has no last activity. */
export function entryOf(row: Row): InboxRow | null {
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
            preview: String(cell.get(1)) === DELETED ? null : (cell.get(4) as string),
          },
  };
}
