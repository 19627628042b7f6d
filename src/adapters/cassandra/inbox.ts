import { types } from 'cassandra-driver';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import { positionOf, type Conversation, type InboxEntry } from '../../domain/conversation.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../domain/ids.ts';
import { previewOf, type Message } from '../../domain/message.ts';
import type { Stretch } from '../../domain/page.ts';
import { microsecondsOf, millisecondsOf } from '../../domain/time.ts';
import type { Row, Session, Statement } from './session.ts';
import { COARSEST, earliestWins, FINEST, LEVELS, slotAt, startOf, type Level } from './stored-time.ts';

/**
 * One user's inbox. Order rows nominate, heads place: a message leaves a row in its slot of time at each of four
 * levels, which says no more than that its conversation was active then, and overwrites one cell, the head, which
 * alone says where the conversation stands. Nothing is deleted when a conversation moves up; the rows it leaves
 * behind nominate it for a place that its head then denies.
 */

const PUT_HEAD = `
  UPDATE conversations_by_user USING TIMESTAMP ? SET head = ?, participants = ?
  WHERE user_id = ? AND conversation_id = ?`;

const PUT_CREATED = `
  UPDATE conversations_by_user USING TIMESTAMP ? SET created = ?, participants = ?
  WHERE user_id = ? AND conversation_id = ?`;

const PUT_ORDER = `
  INSERT INTO conversation_order_by_user (user_id, level, slot, conversation_id)
  VALUES (?, ?, ?, ?) USING TIMESTAMP ?`;

const ORDER_FROM_TOP = `
  SELECT slot, conversation_id FROM conversation_order_by_user
  WHERE user_id = ? AND level = ? LIMIT ?`;

const ORDER_FROM_SLOT = `
  SELECT slot, conversation_id FROM conversation_order_by_user
  WHERE user_id = ? AND level = ? AND slot <= ? LIMIT ?`;

const ORDER_AFTER_ROW = `
  SELECT slot, conversation_id FROM conversation_order_by_user
  WHERE user_id = ? AND level = ? AND (slot, conversation_id) < (?, ?) LIMIT ?`;

const HEADS = `
  SELECT conversation_id, participants, head, created FROM conversations_by_user
  WHERE user_id = ? AND conversation_id IN ?`;

/**
 * The writes that put `message` into the inbox of `userId`: its head, and its order rows at `levels`. They share
 * a partition key, and so are one mutation.
 */
export function headOf(
  message: Message,
  participants: readonly UserId[],
  userId: UserId,
  levels: readonly Level[],
): Statement[] {
  const { id, conversationId, senderId, content } = message;
  const head = new types.Tuple(id, senderId, previewOf(content));
  const timestamp = microsecondsOf(id);
  return [
    { query: PUT_HEAD, params: [timestamp, head, participants, userId, conversationId] },
    ...orderRows(userId, conversationId, id, levels),
  ];
}

/** The writes that put an empty conversation into the inbox of `userId`, at its creation. */
export function emptyHeadOf({ id, participants, created }: Conversation, userId: UserId): Statement[] {
  return [
    { query: PUT_CREATED, params: [earliestWins(created), created, participants, userId, id] },
    ...orderRows(userId, id, created, LEVELS),
  ];
}

function orderRows(
  userId: UserId,
  conversationId: ConversationId,
  position: MessageId,
  levels: readonly Level[],
): Statement[] {
  const milliseconds = millisecondsOf(position);
  const timestamp = microsecondsOf(position);
  return levels.map((level) => ({
    query: PUT_ORDER,
    params: [userId, level, slotAt(level, milliseconds), conversationId, timestamp],
  }));
}

/** Rows of the first query of a walk; each further one asks for twice as many, up to `MOST_ROWS`. */
const FEWEST_ROWS = 64;
const MOST_ROWS = 256;

/** What one query of a walk may ask for on behalf of a numbered page, which wants all rows before it too. */
const MOST_ROWS_FOR_PAGE = 4096;

/** Under this share of new conversations among the rows read, a level is too fine: the same ones come again. */
const POOR_YIELD = 1 / 2;

/** A slot above the finest level that shows so many conversations is better read in its parts. */
const CROWDED = 128;

/** How many heads one query asks for. */
const HEADS_AT_ONCE = 100;

/**
 * The stretch of an inbox, newest first.
 *
 * A slot that has been read whole has nominated every conversation that stands in it, so a page is complete when
 * every slot down to that of its last row has been read whole. A conversation stands where its head says, whatever
 * nominated it. Heads are read after the rows that nominate them, never beside them: one that moves up meanwhile
 * is then found where it has moved to, and not missed in between.
 */
export async function readInbox(
  { session, telemetry }: { readonly session: Session; readonly telemetry: Telemetry },
  userId: UserId,
  { before, skip, limit }: Stretch,
): Promise<InboxEntry[]> {
  const wanted = skip + limit;
  let order = 0;
  const found: InboxEntry[] = [];
  /** The conversation that the cursor came from is nominated in the first slot, and stands above. */
  const atCursor = before === null ? 0 : 1;

  const place = async (nominees: readonly ConversationId[]): Promise<void> => {
    for (const entry of await readHeads(session, userId, nominees)) {
      if (before === null || positionOf(entry) < before) found.push(entry);
    }
  };
  const isComplete = (floor: number): boolean => {
    if (found.length < wanted) return false;
    const whole = found.filter((entry) => millisecondsOf(positionOf(entry)) >= floor);
    return whole.length >= wanted;
  };

  walk: for await (const { rows, slots } of walkDown(session, userId, before, wanted)) {
    order += rows;
    let waiting: ConversationId[] = [];
    for (const [index, { floor, nominees }] of slots.entries()) {
      waiting = waiting.concat(nominees);
      // Most pages are full after a few slots: the heads of the others need not be read.
      const enough = waiting.length >= Math.max(wanted - found.length, 1) + atCursor;
      if (!enough && index < slots.length - 1) continue;
      await place(waiting);
      waiting = [];
      if (isComplete(floor)) break walk;
    }
  }
  const shown = found.sort((a, b) => (positionOf(a) > positionOf(b) ? -1 : 1)).slice(skip, wanted);
  telemetry.inboxRead({ order, shown: shown.length });
  return shown;
}

/** A slot that has been read whole: who was newly nominated in it. */
interface Slot {
  /** Its first millisecond since 1970: everything from here on has been read. */
  readonly floor: number;
  readonly nominees: readonly ConversationId[];
}

/** What one query of a walk brought: so many order rows, and the slots that they completed. */
interface Step {
  readonly rows: number;
  readonly slots: readonly Slot[];
}

interface OrderRow {
  readonly slot: number;
  readonly conversationId: ConversationId;
}

/**
 * Walks the slots of an inbox downwards from `before`, or from the top without an upper bound (never from this
 * host's idea of now), to the end; yields the slots that each query completed.
 *
 * It begins at the finest level, climbs to coarser ones where the same conversations come again and again, and
 * descends to a finer one where a slot is crowded. All levels tell the same, so which is read where is a matter of
 * cost alone: a page costs the same however many conversations there are, and however often they have moved.
 */
async function* walkDown(
  session: Session,
  userId: UserId,
  before: Position | null,
  wanted: number,
): AsyncGenerator<Step> {
  const nominated = new Set<ConversationId>();
  let floor = before === null ? Infinity : millisecondsOf(before) + 1;
  let level: Level = FINEST;
  /** The row that was read last at this level, and those of its slot so far. */
  let last: OrderRow | null = null;
  let unfinished: ConversationId[] = [];
  /** A slot too crowded for its level: until the walk has passed it, it stays below that level. */
  let crowded: { readonly level: Level; readonly until: number } | null = null;
  const first = Math.min(Math.max(3 * wanted, FEWEST_ROWS), MOST_ROWS_FOR_PAGE);

  for (let count = first; ; count = Math.min(2 * count, Math.max(first, MOST_ROWS))) {
    const rows = await readOrder(session, userId, level, last ?? floor, count);
    const slots: Slot[] = [];
    let nominations = 0;
    let fresh = 0;
    const finish = (slot: number): void => {
      const nominees = unfinished.filter((id) => !nominated.has(id));
      for (const id of nominees) nominated.add(id);
      nominations += unfinished.length;
      fresh += nominees.length;
      floor = startOf(level, slot);
      slots.push({ floor, nominees });
      unfinished = [];
    };
    for (const row of rows) {
      if (last !== null && row.slot !== last.slot) finish(last.slot);
      unfinished.push(row.conversationId);
      last = row;
    }
    const ended = rows.length < count;
    if (ended && last !== null) finish(last.slot);
    yield { rows: rows.length, slots };
    if (ended || last === null) return;

    const isCrowded = level > FINEST && unfinished.length >= CROWDED;
    if (isCrowded) {
      crowded = { level, until: startOf(level, last.slot) };
      level = (level - 1) as Level;
    } else if (fresh < nominations * POOR_YIELD) {
      const highest = crowded !== null && floor > crowded.until ? crowded.level - 1 : COARSEST;
      const climbed = Math.min(fresh === 0 ? COARSEST : level + 1, highest);
      if (climbed <= level) continue;
      level = climbed as Level;
    } else {
      continue;
    }
    last = null;
    unfinished = [];
  }
}

/** `count` order rows at `level`, newest slot first: those after a row, or those that begin below a time. */
async function readOrder(
  session: Session,
  userId: UserId,
  level: Level,
  from: OrderRow | number,
  count: number,
): Promise<OrderRow[]> {
  const rows =
    typeof from === 'object'
      ? await session.read(ORDER_AFTER_ROW, [userId, level, from.slot, from.conversationId, count])
      : from === Infinity
        ? await session.read(ORDER_FROM_TOP, [userId, level, count])
        : await session.read(ORDER_FROM_SLOT, [userId, level, slotAt(level, from - 1), count]);
  return rows.map((row) => ({
    slot: row['slot'] as number,
    conversationId: String(row['conversation_id']) as ConversationId,
  }));
}

/** The inbox rows of `nominees`, in no order; a nominee that has none yet is passed over. */
export async function readHeads(
  session: Session,
  userId: UserId,
  nominees: readonly ConversationId[],
): Promise<InboxEntry[]> {
  const queries: Promise<Row[]>[] = [];
  for (let begin = 0; begin < nominees.length; begin += HEADS_AT_ONCE) {
    queries.push(session.read(HEADS, [userId, nominees.slice(begin, begin + HEADS_AT_ONCE)]));
  }
  return (await Promise.all(queries)).flat().flatMap((row) => entryOf(row) ?? []);
}

/** What a row of conversations_by_user shows; null where it shows nothing yet. */
export function entryOf(row: Row): InboxEntry | null {
  const head = row['head'] as types.Tuple | null;
  const created = row['created'] as types.Uuid | null;
  const entry = {
    conversationId: String(row['conversation_id']) as ConversationId,
    participants: row['participants'] as readonly UserId[],
  };
  if (head !== null) {
    return {
      ...entry,
      head: {
        messageId: String(head.get(0)) as MessageId,
        senderId: head.get(1) as UserId,
        preview: head.get(2) as string,
      },
    };
  }
  return created === null ? null : { ...entry, head: null, created: String(created) as MessageId };
}
