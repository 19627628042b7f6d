import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { participantsOf } from '../../domain/conversation.ts';
import type { ConversationId, MessageId, UserId } from '../../domain/ids.ts';
import { entryOf, readHeads } from './inbox.ts';
import {
  FLAWS,
  inspectBucket,
  inspectInboxRow,
  placeOf,
  type Bucket,
  type Flaw,
  type FlawKind,
} from './inspection.ts';
import type { Row, Session } from './session.ts';

/**
 * The walk through a keyspace that looks whether its tables agree, while the service goes on using them.
 *
 * Two passes, each over one table in the order of its partitions' tokens, one range of tokens after the other:
 *
 * - `messages`: every message, without its content. The rows of one bucket of one conversation come together, so
 *   that a bucket is known by its newest and its oldest message. From there, the list of buckets, the conversation's
 *   row and each participant's head are looked up. A head that lies behind any message is found here, from that
 *   message's bucket, so nothing has to be remembered from one bucket to the next; a head, or a conversation's row,
 *   that is wrong about several buckets is told of once for each.
 * - `inboxes`: every inbox row. From there, the message that its head names and its order rows are looked up. A head
 *   that is not behind and names a message that is there, is the newest.
 *
 * What is kept in memory is a page of rows, and the names of what looked wrong, which are bounded too.
 *
 * A send writes the message first and its places after it, so a look in between sees them disagree. What looks wrong
 * is therefore a suspect, which is looked at again when `settleMs` have passed: a send that was on its way then has
 * come to its end, so what is wrong about the same message still is a finding. A head that has moved on meanwhile is
 * no suspect any more.
 *
 * Idempotency keys are not looked at: one without its message is a send that died before it wrote any, and the next
 * send with that key is what makes the message.
 */

const MESSAGES_IN_RANGE = `
  SELECT conversation_id, bucket, message_id, sender_id, receiver_id FROM messages_by_conversation
  WHERE token(conversation_id, bucket) > ? AND token(conversation_id, bucket) <= ?`;

const INBOX_ROWS_IN_RANGE = `
  SELECT user_id, conversation_id, participants, head, created FROM conversations_by_user
  WHERE token(user_id) > ? AND token(user_id) <= ?`;

/** The ends of the ring of Cassandra's default partitioner, Murmur3; no token equals the first. */
const FIRST_TOKEN = -(2n ** 63n);
const LAST_TOKEN = 2n ** 63n - 1n;

/** The first range of tokens; each is twice or half as wide as the one before, until it holds so many rows. */
const FIRST_WIDTH = 2n ** 48n;
const ROWS_PER_RANGE = 5_000;

const ROWS_PER_PAGE = 500;

/** How many buckets, or inbox rows, are looked at in parallel. */
const LOOKS_AT_ONCE = 16;

/** With more suspects than these the walk waits for the first to be due. */
const MOST_SUSPECTS = 10_000;

/** How long a read or a write is tried again after, in milliseconds, while storage fails. */
const PATIENCE_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** How far a walk has come, as JSON can keep it; another walk can go on from there. */
export interface Progress {
  readonly pass: 'messages' | 'inboxes' | 'done';
  /** The token, in decimal, up to which the pass is done. */
  readonly after: string;
  /** How many of each were seen. */
  readonly seen: { readonly messages: number; readonly buckets: number; readonly inboxRows: number };
  readonly flaws: Readonly<Record<FlawKind, Tally>>;
  readonly suspects: readonly Suspect[];
}

/** How many flaws of a kind were found, and how many of these are mended. */
export interface Tally {
  readonly found: number;
  readonly mended: number;
}

/** Something that looked wrong at `seen` (milliseconds since 1970), and is to be looked at again. */
export interface Suspect {
  readonly subject: Bucket | InboxPlace;
  readonly seen: number;
}

/** A row of an inbox, as long as it stands at this place. */
export interface InboxPlace {
  readonly userId: UserId;
  readonly conversationId: ConversationId;
  readonly place: MessageId;
}

/** A flaw that lasted, and what became of it; `beyond_repair` where mending was asked for and did not help. */
export type Finding = Omit<Flaw, 'mend'> & { readonly state: 'found' | 'mended' | 'beyond_repair' };

/** Where a walk begins. */
export const BEGINNING: Progress = {
  pass: 'messages',
  after: String(FIRST_TOKEN),
  seen: { messages: 0, buckets: 0, inboxRows: 0 },
  flaws: Object.fromEntries(
    Object.keys(FLAWS).map((kind) => [kind, { found: 0, mended: 0 }]),
  ) as unknown as Progress['flaws'],
  suspects: [],
};

/** How much of its pass `progress` has behind it, from 0 to 1. */
export function shareOf({ after }: Progress): number {
  return Number(((BigInt(after) - FIRST_TOKEN) * 10_000n) / (LAST_TOKEN - FIRST_TOKEN)) / 10_000;
}

/**
 * Walks on from `from` to the end; tells of its progress after each range of tokens, the last time when it is done.
 * Rejects with a `StorageFailure` where storage fails for more than a minute, and with an `AbortError` when `signal`
 * says so; what was told last is then where to go on from.
 */
export async function* verify(needs: {
  session: Session;
  from: Progress;
  /** The most rows that are read in a second, of all tables together. */
  rowsPerSecond: number;
  /** How long a flaw must last to be one. */
  settleMs: number;
  /** Whether to mend what can be mended. */
  repair: boolean;
  found: (finding: Finding) => void;
  signal: AbortSignal;
}): AsyncGenerator<Progress> {
  const { from, settleMs, repair, found, signal } = needs;
  const session = gentle(needs.session, needs.rowsPerSecond, signal);
  const seen = { ...from.seen };
  const flaws = { ...from.flaws };
  const suspects = [...from.suspects];
  let { pass } = from;
  let after = BigInt(from.after);

  const progress = (): Progress => ({
    pass,
    after: String(after),
    seen: { ...seen },
    flaws: { ...flaws },
    suspects: [...suspects],
  });

  const look = async (sights: readonly Sight[]): Promise<void> => {
    const looks = await Promise.all(sights.map(({ look: lookAt }) => lookAt()));
    const now = Date.now();
    for (const [index, { subject }] of sights.entries()) {
      if (looks[index]?.length !== 0) suspects.push({ subject, seen: now });
    }
  };

  const tell = ({ kind, conversationId, userId, messageId }: Flaw, state: Finding['state']): void => {
    const { found: before, mended } = flaws[kind];
    flaws[kind] = { found: before + 1, mended: mended + (state === 'mended' ? 1 : 0) };
    found({ kind, conversationId, userId, messageId, state });
  };

  const judge = async ({ subject }: Suspect): Promise<void> => {
    const lasting = await lookAgain(session, subject);
    if (!repair) {
      for (const flaw of lasting) tell(flaw, 'found');
      return;
    }
    for (const { mend } of lasting) {
      if (mend !== null) await persistently(signal, () => mend(session.writes()));
    }
    const left = lasting.length === 0 ? [] : await lookAgain(session, subject);
    for (const flaw of lasting) {
      const isLeft = left.some(({ kind, userId }) => kind === flaw.kind && userId === flaw.userId);
      if (!isLeft) tell(flaw, 'mended');
    }
    for (const flaw of left) tell(flaw, 'beyond_repair');
  };

  /** Judges the suspects that are due, and waits for others until no more than `most` are left. */
  const settle = async (most: number): Promise<void> => {
    while (suspects.length > 0) {
      const now = Date.now();
      const early = suspects.findIndex((suspect) => suspect.seen + settleMs > now);
      const due = suspects.slice(0, Math.min(early < 0 ? suspects.length : early, LOOKS_AT_ONCE));
      if (due.length > 0) {
        await Promise.all(due.map(judge));
        suspects.splice(0, due.length);
      } else if (suspects.length > most) {
        const wait = (suspects[0]?.seen ?? now) + settleMs - now;
        // Not longer where the host's clock was set back.
        await pause(Math.min(wait, settleMs), undefined, { signal });
      } else {
        return;
      }
    }
  };

  while (pass !== 'done') {
    let width = FIRST_WIDTH;
    while (after < LAST_TOKEN) {
      const until = after + width < LAST_TOKEN ? after + width : LAST_TOKEN;
      const rowsBefore = seen.messages + seen.inboxRows;
      let sights: Sight[] = [];
      for await (const sight of WALKS[pass](session, after, until, seen)) {
        sights.push(sight);
        if (sights.length < LOOKS_AT_ONCE) continue;
        await look(sights);
        sights = [];
      }
      await look(sights);
      const rows = seen.messages + seen.inboxRows - rowsBefore;
      if (rows < ROWS_PER_RANGE / 2) width *= 2n;
      else if (rows > ROWS_PER_RANGE * 2 && width > 1n) width /= 2n;
      after = until;
      await settle(MOST_SUSPECTS);
      yield progress();
    }
    pass = pass === 'messages' ? 'inboxes' : 'done';
    after = pass === 'done' ? LAST_TOKEN : FIRST_TOKEN;
  }
  await settle(0);
  yield progress();
}

/** Something that the walk came by, and a first look at it. */
interface Sight {
  readonly subject: Bucket | InboxPlace;
  readonly look: () => Promise<readonly Flaw[]>;
}

type Walk = (
  session: Session,
  after: bigint,
  until: bigint,
  seen: { -readonly [Kind in keyof Progress['seen']]: number },
) => AsyncGenerator<Sight>;

const walkMessages: Walk = async function* (session, after, until, seen) {
  const sightOf = (bucket: Bucket): Sight => {
    seen.buckets += 1;
    return { subject: bucket, look: () => inspectBucket(session, bucket) };
  };
  let open = null as Bucket | null;
  for await (const row of rowsOf(session, MESSAGES_IN_RANGE, after, until)) {
    seen.messages += 1;
    const conversationId = String(row['conversation_id']) as ConversationId;
    const bucket = row['bucket'] as number;
    const id = String(row['message_id']) as MessageId;
    if (open?.conversationId === conversationId && open.bucket === bucket) {
      // The rows of a bucket come newest first.
      open = { ...open, oldest: id };
      continue;
    }
    if (open !== null) yield sightOf(open);
    const participants = participantsOf(row['sender_id'] as UserId, row['receiver_id'] as UserId);
    open = { conversationId, bucket, newest: id, oldest: id, participants };
  }
  if (open !== null) yield sightOf(open);
};

const walkInboxes: Walk = async function* (session, after, until, seen) {
  for await (const row of rowsOf(session, INBOX_ROWS_IN_RANGE, after, until)) {
    seen.inboxRows += 1;
    const entry = entryOf(row);
    // A row that shows nothing is passed over by readers; if there are messages to be shown, they were missed here.
    if (entry === null) continue;
    const userId = row['user_id'] as UserId;
    const { conversationId } = entry;
    yield {
      subject: { userId, conversationId, place: placeOf(entry) },
      look: () => inspectInboxRow(session, userId, entry),
    };
  }
};

const WALKS = { messages: walkMessages, inboxes: walkInboxes };

async function lookAgain(session: Session, subject: Suspect['subject']): Promise<readonly Flaw[]> {
  if ('bucket' in subject) return inspectBucket(session, subject);
  const { userId, conversationId, place } = subject;
  const [entry] = await readHeads(session, userId, [conversationId]);
  return entry !== undefined && placeOf(entry) === place ? inspectInboxRow(session, userId, entry) : [];
}

async function* rowsOf(session: Session, query: string, after: bigint, until: bigint): AsyncGenerator<Row> {
  let from: string | null = null;
  do {
    const page = await session.readPage(query, [String(after), String(until)], ROWS_PER_PAGE, from);
    yield* page.rows;
    from = page.next;
  } while (from !== null);
}

/** `session`, with its reads held to a rate, and tried again for a while where storage is unavailable. */
function gentle(session: Session, rowsPerSecond: number, signal: AbortSignal): Session {
  // Reads that wait at the same time listen to it, each for itself.
  setMaxListeners(0, signal);
  const turn = makeTurns(rowsPerSecond, signal);
  return {
    async read(query, params) {
      await turn(1);
      return persistently(signal, () => session.read(query, params));
    },
    async readPage(query, params, size, from) {
      await turn(0);
      const page = await persistently(signal, () => session.readPage(query, params, size, from));
      await turn(page.rows.length);
      return page;
    },
    writes: () => session.writes(),
  };
}

/** At `most` a second: resolves when `count` more may be taken. */
function makeTurns(most: number, signal: AbortSignal): (count: number) => Promise<void> {
  let due = performance.now();
  return async (count) => {
    signal.throwIfAborted();
    due = Math.max(due, performance.now()) + (count * 1_000) / most;
    const wait = due - performance.now();
    // Timers are no finer than this; a shorter wait is added to the next.
    if (wait >= 5) await pause(wait, undefined, { signal });
  };
}

async function persistently<Answer>(signal: AbortSignal, work: () => Promise<Answer>): Promise<Answer> {
  for (const wait of PATIENCE_MS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
    }
    await pause(wait, undefined, { signal });
  }
  return work();
}
