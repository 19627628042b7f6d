import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { ClockNotVerified, type ClockCheck } from '../../application/ports/clock-check.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { participantsOf } from '../../domain/conversation.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type MessageId,
  type UserId,
} from '../../domain/ids.ts';
import { findConversation } from './conversation-repository.ts';
import { findGroup, groupOf } from './group-repository.ts';
import { isMessage } from './history.ts';
import { entryOf, findEntries, findOwnMembership, membershipOf, type InboxRow } from './inbox.ts';
import {
  INCONSISTENCIES,
  inspectConversation,
  inspectDeletion,
  inspectGroup,
  inspectInboxRows,
  inspectLateEvent,
  inspectMembership,
  inspectMessages,
  inspectTime,
  isInFuture,
  type Inconsistency,
  type InconsistencyKind,
  type InspectionDeps,
  type LateEvent,
  type LoggedDeletion,
  type MessageRange,
} from './inspection.ts';
import { findLateEvent } from './late-events.ts';
import type { Row, Session } from './session.ts';

/**
 * The consistency scanner: checks that the tables of a keyspace agree, while the service is running.
 *
 * Seven passes, each over one table in the order of its tokens:
 *
 * - `deletions`: the deletions in every event log; the message is deleted.
 * - `memberships`: every membership in an inbox; the group has it.
 * - `messages`: every message, without its content. The rows of a bucket come together, newest first, and are inspected
 *   a range at a time. An inbox that is behind any message is found here, so no state is needed from one bucket to the
 *   next; an inbox row or a conversation that disagrees with several buckets is reported for each.
 * - `inboxes`: every inbox row.
 * - `conversations`: every conversation; those without messages are inspected.
 * - `groups`: every group.
 * - `late_events`: every late event.
 *
 * Several workers scan a pass in parallel, each in its own range of tokens. Memory holds a page of rows for each worker
 * and the ids of candidates, whose number is limited.
 *
 * A send writes the message first and its inbox entries and events after it, so an inspection in between sees a contradiction.
 * A contradiction is therefore only a candidate, which is inspected again after `settleMs`: by then a send that was in progress
 * has ended, so a contradiction that lasts is a finding. An inbox row that has moved meanwhile is no longer a candidate.
 *
 * Idempotency keys are not scanned: a key without a message belongs to a send that failed before it wrote the message,
 * and the next send with that key stores it.
 */

const MESSAGES_IN_RANGE = `
  SELECT conversation_id, bucket, message_id, sender_id, receiver_id FROM messages_by_conversation
  WHERE token(conversation_id, bucket) > ? AND token(conversation_id, bucket) <= ?`;

const INBOX_ROWS_IN_RANGE = `
  SELECT user_id, conversation_id, participants, last_activity FROM conversations_by_user
  WHERE token(user_id) > ? AND token(user_id) <= ?`;

const LOGS_IN_RANGE = `
  SELECT DISTINCT user_id FROM events_by_user WHERE token(user_id) > ? AND token(user_id) <= ?`;

/** The events of one user that do not determine a position, such as deletions. */
const OTHER_EVENTS = `
  SELECT event_id, type, conversation_id, message_id FROM events_by_user WHERE user_id = ? AND places = false`;

const MEMBERSHIPS_IN_RANGE = `
  SELECT user_id, conversation_id, membership FROM conversations_by_user
  WHERE token(user_id) > ? AND token(user_id) <= ?`;

const CONVERSATIONS_IN_RANGE = `
  SELECT conversation_id, participants, created FROM conversations
  WHERE token(conversation_id) > ? AND token(conversation_id) <= ?`;

const GROUPS_IN_RANGE = `
  SELECT conversation_id, creator_id, created, name, members, former_until, changed, version FROM groups
  WHERE token(conversation_id) > ? AND token(conversation_id) <= ?`;

const LATE_EVENTS_IN_RANGE = `
  SELECT conversation_id, message_id, event_id FROM late_events
  WHERE token(conversation_id) > ? AND token(conversation_id) <= ?`;

/** The ends of the ring of Cassandra's default partitioner, Murmur3; no token equals the first. */
const FIRST_TOKEN = -(2n ** 63n);
const LAST_TOKEN = 2n ** 63n - 1n;

/** The width of the first step. Each further step is as wide, twice or half as wide, to get about `ROWS_PER_STEP` rows. */
const FIRST_WIDTH = 2n ** 48n;
const ROWS_PER_STEP = 5_000;

const ROWS_PER_PAGE = 500;

/** The number of messages, or of inbox rows of one user, that are inspected together: one query reads their events. */
const ROWS_PER_INSPECTION = 100;

/** The number of inspections that each worker runs in parallel. */
const PARALLEL_INSPECTIONS = 16;

/** If there are more candidates, the scan waits until the first is due. */
const MAX_CANDIDATES = 10_000;

/** The pauses between attempts while storage fails, in milliseconds. */
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

const PASSES = [
  'deletions',
  'memberships',
  'messages',
  'inboxes',
  'conversations',
  'groups',
  'late_events',
] as const;
type Pass = (typeof PASSES)[number];

/** Tokens above `after`, up to `until`, in decimal. */
export interface TokenRange {
  readonly after: string;
  readonly until: string;
}

/** The state of a scan, as JSON can store it; another scan can resume from it, with any number of workers. */
export interface Progress {
  readonly pass: Pass | 'done';
  /** The ranges of the pass that are not scanned yet. */
  readonly ranges: readonly TokenRange[];
  /** The numbers of scanned rows. */
  readonly seen: Seen;
  readonly inconsistencies: Readonly<Record<InconsistencyKind, Tally>>;
  readonly candidates: readonly Candidate[];
}

export interface Seen {
  readonly logs: number;
  readonly memberships: number;
  readonly messages: number;
  readonly buckets: number;
  readonly inboxRows: number;
  readonly conversations: number;
  readonly groups: number;
  readonly lateEvents: number;
}

/** The number of inconsistencies of a kind, and how many of them were repaired. */
export interface Tally {
  readonly found: number;
  readonly repaired: number;
}

/** A subject with a contradiction at `seenAt` (milliseconds since 1970), to be inspected again. */
export interface Candidate {
  readonly subject: Subject;
  readonly seenAt: number;
}

/**
 * The subject of an inspection. An inbox row is inspected again only while it is at `lastEventId`, a late event only while
 * it is the current one.
 */
export type Subject =
  | ({ readonly type: 'messages' } & MessageRange)
  | { readonly type: 'time'; readonly conversationId: ConversationId; readonly messageId: MessageId }
  | {
      readonly type: 'inbox_row';
      readonly userId: UserId;
      readonly conversationId: ConversationId;
      readonly lastEventId: EventId;
    }
  | ({ readonly type: 'deletion' } & LoggedDeletion)
  | { readonly type: 'membership'; readonly userId: UserId; readonly conversationId: ConversationId }
  | { readonly type: 'group'; readonly conversationId: ConversationId }
  | { readonly type: 'conversation'; readonly conversationId: ConversationId }
  | ({ readonly type: 'late_event' } & LateEvent);

/** An inconsistency that lasted; `not_repaired` if a repair was requested and did not help. */
export type Finding = Omit<Inconsistency, 'repair'> & {
  readonly state: 'found' | 'repaired' | 'not_repaired';
};

const WHOLE_RING: readonly TokenRange[] = [{ after: String(FIRST_TOKEN), until: String(LAST_TOKEN) }];

/** The progress of a new scan. */
export const INITIAL_PROGRESS: Progress = {
  pass: PASSES[0],
  ranges: WHOLE_RING,
  seen: zeroSeen(),
  inconsistencies: Object.fromEntries(
    Object.keys(INCONSISTENCIES).map((kind) => [kind, { found: 0, repaired: 0 }]),
  ) as unknown as Progress['inconsistencies'],
  candidates: [],
};

/** The scanned share of the current pass, from 0 to 1. */
export function shareOf({ ranges }: Progress): number {
  const left = ranges.reduce((sum, range) => sum + widthOf(range), 0n);
  return 1 - Number((left * 10_000n) / (LAST_TOKEN - FIRST_TOKEN)) / 10_000;
}

/**
 * Scans from `from` to the end; yields its progress after each step of a worker, and at the end. Rejects with a
 * `StorageFailure` if storage fails for more than a minute, with a `ClockNotVerified` if a repair waits as long for the
 * clock, and with an `AbortError` when `signal` aborts. Another scan can then resume from the last progress.
 */
export async function* verify(
  deps: InspectionDeps & {
    from: Progress;
    /** The maximum rows read per second, from all tables and by all workers together. */
    rowsPerSecond: number;
    /** The number of token ranges that are scanned in parallel. */
    parallel: number;
    /** The time that an inconsistency must last to be reported, in milliseconds. */
    settleMs: number;
    /** Whether to repair inconsistencies that have a repair. */
    repair: boolean;
    /** Repairs wait for it, since they may make ids of late events. */
    clockCheck: ClockCheck;
    found: (finding: Finding) => void;
    signal: AbortSignal;
  },
): AsyncGenerator<Progress> {
  const { from, parallel, settleMs, repair, found } = deps;
  const stop = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  const session = throttled(deps.session, deps.rowsPerSecond, signal);
  const inspectionDeps: InspectionDeps = { ...deps, session };
  let seen = from.seen;
  const inconsistencies = { ...from.inconsistencies };
  const candidates = [...from.candidates];
  let { pass } = from;
  let ranges: TokenRange[] = [...from.ranges];

  const progress = (): Progress => ({
    pass,
    ranges: [...ranges],
    seen,
    inconsistencies: { ...inconsistencies },
    candidates: [...candidates],
  });

  const report = (
    { kind, conversationId, userId, messageId }: Inconsistency,
    state: Finding['state'],
  ): void => {
    const { found: before, repaired } = inconsistencies[kind];
    inconsistencies[kind] = { found: before + 1, repaired: repaired + (state === 'repaired' ? 1 : 0) };
    found({ kind, conversationId, userId, messageId, state });
  };

  const recheck = async ({ subject }: Candidate): Promise<void> => {
    const lasting = await inspectAgain(inspectionDeps, subject);
    if (!repair) {
      for (const inconsistency of lasting) report(inconsistency, 'found');
      return;
    }
    // Sequentially, in the order of the messages.
    for (const { repair: write } of lasting) {
      if (write === null) continue;
      await withRetry(signal, async () => {
        await deps.clockCheck.verified();
        await write(session.writes());
      });
    }
    const left = lasting.length === 0 ? [] : await inspectAgain(inspectionDeps, subject);
    for (const inconsistency of lasting) {
      if (!left.some((one) => isSame(one, inconsistency))) report(inconsistency, 'repaired');
    }
    for (const inconsistency of left) report(inconsistency, 'not_repaired');
  };

  /** Rechecks of one conversation run sequentially, older messages first: so the newest message gets the latest event. */
  const recheckAll = async (due: readonly Candidate[]): Promise<void> => {
    const rechecks = new Map<ConversationId, Promise<void>>();
    for (const candidate of due.toSorted((a, b) => (newestOf(a) < newestOf(b) ? -1 : 1))) {
      const { conversationId } = candidate.subject;
      const before = rechecks.get(conversationId) ?? Promise.resolve();
      rechecks.set(
        conversationId,
        before.then(() => recheck(candidate)),
      );
    }
    await Promise.all(rechecks.values());
  };

  /** Rechecks the candidates that are due, and waits for others until at most `maxLeft` are left. */
  const settle = async (maxLeft: number): Promise<void> => {
    while (candidates.length > 0) {
      const now = Date.now();
      const early = candidates.findIndex(({ seenAt }) => seenAt + settleMs > now);
      const due = candidates.slice(0, Math.min(early < 0 ? candidates.length : early, PARALLEL_INSPECTIONS));
      if (due.length > 0) {
        await recheckAll(due);
        candidates.splice(0, due.length);
      } else if (candidates.length > maxLeft) {
        const wait = (candidates[0]?.seenAt ?? now) + settleMs - now;
        // At most `settleMs`, even if the host's clock was set back.
        await pause(Math.min(wait, settleMs), undefined, { signal });
      } else {
        return;
      }
    }
  };

  const inFlight = new Map<TokenRange, Promise<Step>>();
  const startStep = (range: TokenRange, width: bigint): void => {
    if (pass === 'done') return;
    const step = scanStep(inspectionDeps, pass, range, width);
    // Prevents an unhandled rejection while the result of another step is awaited; the rejection is handled later.
    step.catch(() => undefined);
    inFlight.set(range, step);
  };

  try {
    while (pass !== 'done') {
      ranges = split(ranges, parallel);
      for (const range of ranges.slice(0, parallel)) startStep(range, FIRST_WIDTH);
      while (inFlight.size > 0) {
        signal.throwIfAborted();
        const step: Step = await Promise.race(inFlight.values());
        inFlight.delete(step.range);
        const rest = { after: step.until, until: step.range.until };
        const isDone = rest.after === rest.until;
        ranges = ranges.flatMap((range) => (range === step.range ? (isDone ? [] : [rest]) : [range]));
        seen = sumOf(seen, step.seen);
        candidates.push(...step.candidates);
        const next = isDone ? ranges.find((range) => !inFlight.has(range)) : rest;
        if (next !== undefined) startStep(next, isDone ? FIRST_WIDTH : step.nextWidth);
        await settle(MAX_CANDIDATES);
        yield progress();
      }
      // The next pass must read the repairs of this one.
      await settle(0);
      pass = PASSES[PASSES.indexOf(pass) + 1] ?? 'done';
      ranges = pass === 'done' ? [] : [...WHOLE_RING];
    }
    yield progress();
  } finally {
    stop.abort();
    await Promise.allSettled(inFlight.values());
  }
}

/** The result of one step of a worker: all tokens of `range` up to `until` are scanned. */
interface Step {
  readonly range: TokenRange;
  readonly until: string;
  readonly seen: Seen;
  readonly candidates: readonly Candidate[];
  readonly nextWidth: bigint;
}

/** Scans the first `width` tokens of `range`. */
async function scanStep(deps: InspectionDeps, pass: Pass, range: TokenRange, width: bigint): Promise<Step> {
  // Another process may have changed the retention, or declared the log incomplete.
  await deps.eventLog.refresh(deps.session);
  const [after, end] = [BigInt(range.after), BigInt(range.until)];
  const until = after + width < end ? after + width : end;
  const seen = { ...zeroSeen() };
  const candidates: Candidate[] = [];
  let observations: Observation[] = [];

  const inspect = async (): Promise<void> => {
    const results = await Promise.all(observations.map((observation) => observation()));
    const seenAt = Date.now();
    candidates.push(...results.flat().map((subject) => ({ subject, seenAt })));
    observations = [];
  };

  for await (const observation of SCANS[pass](deps, after, until, seen)) {
    observations.push(observation);
    if (observations.length === PARALLEL_INSPECTIONS) await inspect();
  }
  await inspect();

  const rows =
    seen.logs +
    seen.memberships +
    seen.messages +
    seen.inboxRows +
    seen.conversations +
    seen.groups +
    seen.lateEvents;
  const isNarrow = rows > ROWS_PER_STEP * 2 && width > 1n;
  const nextWidth = rows < ROWS_PER_STEP / 2 ? width * 2n : isNarrow ? width / 2n : width;
  return { range, until: String(until), seen, candidates, nextWidth };
}

/** The first inspection of scanned rows; resolves with the subjects that have a contradiction. */
type Observation = () => Promise<readonly Subject[]>;

type Scan = (
  deps: InspectionDeps,
  after: bigint,
  until: bigint,
  seen: { -readonly [Kind in keyof Seen]: number },
) => AsyncGenerator<Observation>;

const scanDeletions: Scan = async function* (deps, after, until, seen) {
  for await (const { user_id } of rowsOf(deps.session, LOGS_IN_RANGE, [String(after), String(until)])) {
    seen.logs += 1;
    const userId = user_id as UserId;
    for await (const row of rowsOf(deps.session, OTHER_EVENTS, [userId])) {
      if (row['type'] !== 'message.deleted') continue;
      const deletion: LoggedDeletion = {
        conversationId: String(row['conversation_id']) as ConversationId,
        userId,
        messageId: String(row['message_id']) as MessageId,
        deletionId: String(row['event_id']) as EventId,
      };
      yield async () =>
        (await inspectDeletion(deps, deletion)).length === 0 ? [] : [{ type: 'deletion', ...deletion }];
    }
  }
};

const scanMemberships: Scan = async function* (deps, after, until, seen) {
  const rows = rowsOf(deps.session, MEMBERSHIPS_IN_RANGE, [String(after), String(until)]);
  for await (const row of rows) {
    const membership = membershipOf(row);
    if (membership === null) continue;
    seen.memberships += 1;
    const conversationId = String(row['conversation_id']) as ConversationId;
    const userId = row['user_id'] as UserId;
    yield async () => {
      const found = await inspectMembership(deps, { conversationId, userId, membership });
      return found.length === 0 ? [] : [{ type: 'membership', conversationId, userId }];
    };
  }
};

const scanMessages: Scan = async function* (deps, after, until, seen) {
  const observe =
    (range: MessageRange): Observation =>
    async () => {
      const inconsistencies = await inspectMessages(deps, range);
      if (inconsistencies.length === 0) return [];
      const wrong = new Set<EventId>(inconsistencies.map(({ messageId }) => messageId));
      return [{ type: 'messages', ...range, ids: range.ids.filter((id) => wrong.has(id)) }];
    };
  let open = null as MessageRange | null;
  for await (const row of rowsOf(deps.session, MESSAGES_IN_RANGE, [String(after), String(until)])) {
    seen.messages += 1;
    const conversationId = String(row['conversation_id']) as ConversationId;
    const bucket = row['bucket'] as number;
    const id = String(row['message_id']) as MessageId;
    if (!isMessage(row)) continue;
    const isSameBucket = open?.conversationId === conversationId && open.bucket === bucket;
    if (open !== null && !isSameBucket) {
      yield observe({ ...open, isOldest: true });
      open = null;
    }
    if (isInFuture(deps, id)) {
      yield () => Promise.resolve([{ type: 'time', conversationId, messageId: id }]);
      continue;
    }
    if (open !== null && open.ids.length < ROWS_PER_INSPECTION) {
      open = { ...open, oldest: id, ids: [...open.ids, id] };
      continue;
    }
    if (open !== null) yield observe(open);
    else seen.buckets += 1;
    open = {
      conversationId,
      bucket,
      participants: isGroupId(conversationId)
        ? []
        : participantsOf(row['sender_id'] as UserId, row['receiver_id'] as UserId),
      newest: id,
      oldest: id,
      ids: [id],
      isNewest: open === null,
      isOldest: false,
    };
  }
  if (open !== null) yield observe({ ...open, isOldest: true });
};

const scanInboxes: Scan = async function* (deps, after, until, seen) {
  const observe =
    (userId: UserId, entries: readonly InboxRow[]): Observation =>
    async () => {
      const inconsistencies = await inspectInboxRows(deps, userId, entries);
      const wrong = new Set(inconsistencies.map(({ conversationId }) => conversationId));
      return entries
        .filter(({ conversationId }) => wrong.has(conversationId))
        .map(({ conversationId, lastEventId }) => ({
          type: 'inbox_row',
          userId,
          conversationId,
          lastEventId,
        }));
    };
  let userId = '' as UserId;
  let entries: InboxRow[] = [];
  for await (const row of rowsOf(deps.session, INBOX_ROWS_IN_RANGE, [String(after), String(until)])) {
    seen.inboxRows += 1;
    const entry = entryOf(row);
    // Readers skip a row without last activity, too; the other passes find that the entry is missing.
    if (entry === null) continue;
    if (entries.length > 0 && (row['user_id'] !== userId || entries.length === ROWS_PER_INSPECTION)) {
      yield observe(userId, entries);
      entries = [];
    }
    userId = row['user_id'] as UserId;
    entries.push(entry);
  }
  if (entries.length > 0) yield observe(userId, entries);
};

const scanConversations: Scan = async function* (deps, after, until, seen) {
  for await (const row of rowsOf(deps.session, CONVERSATIONS_IN_RANGE, [String(after), String(until)])) {
    // A row with only the marker `started`, as after a truncation.
    if (row['participants'] === null) continue;
    seen.conversations += 1;
    const conversationId = String(row['conversation_id']) as ConversationId;
    const conversation = {
      id: conversationId,
      participants: row['participants'] as readonly UserId[],
      created: String(row['created']) as EventId,
    };
    yield async () => {
      const inconsistencies = await inspectConversation(deps, conversation);
      return inconsistencies.length === 0 ? [] : [{ type: 'conversation', conversationId }];
    };
  }
};

const scanGroups: Scan = async function* (deps, after, until, seen) {
  for await (const row of rowsOf(deps.session, GROUPS_IN_RANGE, [String(after), String(until)])) {
    seen.groups += 1;
    const conversationId = String(row['conversation_id']) as ConversationId;
    const group = groupOf(conversationId, row);
    yield async () =>
      (await inspectGroup(deps, group)).length === 0 ? [] : [{ type: 'group', conversationId }];
  }
};

const scanLateEvents: Scan = async function* (deps, after, until, seen) {
  for await (const row of rowsOf(deps.session, LATE_EVENTS_IN_RANGE, [String(after), String(until)])) {
    seen.lateEvents += 1;
    const late: LateEvent = {
      conversationId: String(row['conversation_id']) as ConversationId,
      messageId: String(row['message_id']) as MessageId,
      eventId: String(row['event_id']) as EventId,
    };
    yield async () =>
      (await inspectLateEvent(deps, late)).length === 0 ? [] : [{ type: 'late_event', ...late }];
  }
};

const SCANS: Readonly<Record<Pass, Scan>> = {
  deletions: scanDeletions,
  memberships: scanMemberships,
  messages: scanMessages,
  inboxes: scanInboxes,
  conversations: scanConversations,
  groups: scanGroups,
  late_events: scanLateEvents,
};

async function inspectAgain(deps: InspectionDeps, subject: Subject): Promise<readonly Inconsistency[]> {
  const { conversationId } = subject;
  switch (subject.type) {
    case 'messages':
      return inspectMessages(deps, subject);
    case 'time':
      return inspectTime(deps, conversationId, subject.messageId);
    case 'inbox_row': {
      const [entry] = await findEntries(deps.session, subject.userId, [conversationId]);
      const isSameRow = entry?.lastEventId === subject.lastEventId;
      return isSameRow ? inspectInboxRows(deps, subject.userId, [entry]) : [];
    }
    case 'deletion':
      return inspectDeletion(deps, subject);
    case 'membership': {
      const { userId } = subject;
      const membership = (await findOwnMembership(deps.session, userId, conversationId))?.membership ?? null;
      return membership === null ? [] : inspectMembership(deps, { conversationId, userId, membership });
    }
    case 'conversation': {
      const conversation = await findConversation(deps.session, conversationId);
      return conversation === null ? [] : inspectConversation(deps, conversation);
    }
    case 'group': {
      const group = await findGroup(deps.session, conversationId);
      return group === null ? [] : inspectGroup(deps, group);
    }
    case 'late_event': {
      const eventId = await findLateEvent(deps.session, conversationId, subject.messageId);
      return eventId === subject.eventId ? inspectLateEvent(deps, subject) : [];
    }
  }
}

function newestOf({ subject }: Candidate): string {
  return subject.type === 'messages' ? subject.newest : '';
}

function isSame(one: Inconsistency, other: Inconsistency): boolean {
  return one.kind === other.kind && one.userId === other.userId && one.messageId === other.messageId;
}

/** Splits `ranges` into at least `count` ranges, by halving the widest; empty if `ranges` is empty. */
function split(ranges: readonly TokenRange[], count: number): TokenRange[] {
  const parts = [...ranges];
  while (parts.length > 0 && parts.length < count) {
    const widest = parts.reduce((a, b) => (widthOf(b) > widthOf(a) ? b : a));
    if (widthOf(widest) < 2n) break;
    const middle = String(BigInt(widest.after) + widthOf(widest) / 2n);
    parts.splice(parts.indexOf(widest), 1, { ...widest, until: middle }, { ...widest, after: middle });
  }
  return parts;
}

function widthOf({ after, until }: TokenRange): bigint {
  return BigInt(until) - BigInt(after);
}

function zeroSeen(): Seen {
  return {
    logs: 0,
    memberships: 0,
    messages: 0,
    buckets: 0,
    inboxRows: 0,
    conversations: 0,
    groups: 0,
    lateEvents: 0,
  };
}

function sumOf(one: Seen, other: Seen): Seen {
  return {
    logs: one.logs + other.logs,
    memberships: one.memberships + other.memberships,
    messages: one.messages + other.messages,
    buckets: one.buckets + other.buckets,
    inboxRows: one.inboxRows + other.inboxRows,
    conversations: one.conversations + other.conversations,
    groups: one.groups + other.groups,
    lateEvents: one.lateEvents + other.lateEvents,
  };
}

async function* rowsOf(session: Session, query: string, params: readonly string[]): AsyncGenerator<Row> {
  let from: string | null = null;
  do {
    const page = await session.readPage(query, params, ROWS_PER_PAGE, from);
    yield* page.rows;
    from = page.next;
  } while (from !== null);
}

/** `session`, with a rate limit on its reads and retries while storage is unavailable. */
function throttled(session: Session, rowsPerSecond: number, signal: AbortSignal): Session {
  // Each waiting read adds a listener.
  setMaxListeners(0, signal);
  const take = rateLimiter(rowsPerSecond, signal);
  return {
    async read(query, params) {
      await take(1);
      const rows = await withRetry(signal, () => session.read(query, params));
      await take(Math.max(rows.length - 1, 0));
      return rows;
    },
    async readPage(query, params, size, from) {
      await take(0);
      const page = await withRetry(signal, () => session.readPage(query, params, size, from));
      await take(page.rows.length);
      return page;
    },
    writes: () => session.writes(),
  };
}

/** Resolves when `count` more rows may be read, at `rowsPerSecond`. */
function rateLimiter(rowsPerSecond: number, signal: AbortSignal): (count: number) => Promise<void> {
  let due = performance.now();
  return async (count) => {
    signal.throwIfAborted();
    due = Math.max(due, performance.now()) + (count * 1_000) / rowsPerSecond;
    const wait = due - performance.now();
    // Timers are not more precise than this; a shorter wait is added to the next one.
    if (wait >= 5) await pause(wait, undefined, { signal });
  };
}

async function withRetry<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  for (const delay of RETRY_DELAYS_MS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StorageFailure || error instanceof ClockNotVerified)) throw error;
    }
    await pause(delay, undefined, { signal });
  }
  return work();
}
