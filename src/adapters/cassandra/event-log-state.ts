import type { types } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { Position } from '../../domain/ids.ts';
import { positionAt } from '../../domain/time.ts';
import { prepared } from './prepared-statements.ts';
import type { Session } from './session.ts';

const STATE = prepared(`
  SELECT retention_days, complete_since, previous_days, changed FROM event_log WHERE name = 'events'`);

const CREATE = prepared(`
  INSERT INTO event_log (name, retention_days, complete_since, changed) VALUES ('events', ?, ?, ?) IF NOT EXISTS`);

const CHANGE = prepared(`
  UPDATE event_log SET retention_days = ?, complete_since = ?, previous_days = ?, changed = ? WHERE name = 'events'
  IF retention_days = ? AND changed = ? AND complete_since = ?`);

const DAY_MS = 86_400_000;

/** For this time after a change of the retention, processes that have not read it yet may still write with the old one. */
const ROLLOUT_MS = DAY_MS;

/** The time within which each process has read a change of the state, even if two of its reads fail. */
export const PROPAGATION_MS = 30_000;

interface State {
  readonly retentionDays: number;
  /** Rows above this time were written with this retention, the previous one, or a longer one. */
  readonly completeSince: Date;
  /** The shortest retention of rows written before the last change; null if it never changed. */
  readonly previousDays: number | null;
  readonly changed: Date;
}

/**
 * The time since which the event log holds every event: since its start or its restore, and within the retention of its
 * rows. A row is kept for the retention that its writer had, so after a change the old retention still applies to rows
 * from before the change.
 */
export class EventLogState {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #retentionDays: number;
  #state: State | null = null;

  constructor(deps: { clock: Pick<Clock, 'now'>; retentionDays: number }) {
    this.#clock = deps.clock;
    this.#retentionDays = deps.retentionDays;
  }

  /** The position above which every event is in the log. Below it, inboxes are read only from the inbox rows. */
  start(): Position {
    const milliseconds = Math.max(startOf(this.#clock.now() / 1_000, this.#retentionDays, this.#state), 0);
    return positionAt(Math.floor(milliseconds) * 1_000);
  }

  /** The days for which this process keeps events that it writes: as long as any process reads them. */
  get daysToKeep(): number {
    return Math.max(this.#retentionDays, this.#state?.retentionDays ?? 0);
  }

  /** Reads the state: another process may have been started with another retention. */
  async refresh(session: Session): Promise<void> {
    const [row] = await session.read(STATE, []);
    this.#state = row === undefined ? null : stateOf(row);
  }

  /** Stores the retention of this process. */
  async storeRetention(session: Session): Promise<void> {
    for (;;) {
      await this.refresh(session);
      const stored = this.#state;
      if (stored?.retentionDays === this.#retentionDays) return;
      const writes = session.writes();
      const now = new Date(Math.floor(this.#clock.now() / 1_000));
      if (stored === null) {
        // All messages in this keyspace were stored with their events, so the log is complete from the start.
        await writes.compareAndSet(CREATE, [this.#retentionDays, new Date(0), now]);
        continue;
      }
      const { retentionDays, changed } = stored;
      const { completeSince, previousDays } = beforeChange(stored, now.getTime());
      await writes.compareAndSet(CHANGE, [
        this.#retentionDays,
        completeSince,
        previousDays,
        now,
        retentionDays,
        changed,
        stored.completeSince,
      ]);
    }
  }
}

/**
 * The time in milliseconds above which no row of the log has expired, for a process that reads `days` back.
 *
 * Rows were written with the previous retention until the change and up to `ROLLOUT_MS` longer; of these, rows older
 * than that retention have expired.
 */
export function startOf(now: number, days: number, state: State | null): number {
  if (state === null) return now - days * DAY_MS;
  const { retentionDays, completeSince, previousDays, changed } = state;
  const previous =
    previousDays === null ? 0 : Math.min(changed.getTime() + ROLLOUT_MS, now - previousDays * DAY_MS);
  return Math.max(now - Math.min(days, retentionDays) * DAY_MS, completeSince.getTime(), previous);
}

/**
 * The part of the state that a change of the retention at `now` keeps. Of two changes only the later one is stored: if
 * rows from before the earlier one may still be read, they count as written before the later one, with the shorter of
 * both retentions; otherwise the log starts after them.
 */
function beforeChange(
  { retentionDays, completeSince, previousDays, changed }: State,
  now: number,
): Pick<State, 'completeSince'> & { readonly previousDays: number } {
  if (previousDays === null) return { completeSince, previousDays: retentionDays };
  const end = changed.getTime() + ROLLOUT_MS;
  if (end > now - previousDays * DAY_MS) {
    return { completeSince, previousDays: Math.min(previousDays, retentionDays) };
  }
  return { completeSince: new Date(Math.max(completeSince.getTime(), end)), previousDays: retentionDays };
}

function stateOf(row: types.Row): State {
  return {
    retentionDays: row['retention_days'] as number,
    completeSince: row['complete_since'] as Date,
    previousDays: (row['previous_days'] as number | null) ?? null,
    changed: row['changed'] as Date,
  };
}
