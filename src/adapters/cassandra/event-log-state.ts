import type { types } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { Position } from '../../domain/ids.ts';
import { positionAt } from '../../domain/time.ts';
import type { Session } from './session.ts';

const STATE = `
  SELECT retention_days, complete_since, previous_days, changed FROM event_log WHERE name = 'events'`;

const BEGIN = `
  INSERT INTO event_log (name, retention_days, complete_since, changed) VALUES ('events', ?, ?, ?) IF NOT EXISTS`;

const CHANGE = `
  UPDATE event_log SET retention_days = ?, complete_since = ?, previous_days = ?, changed = ? WHERE name = 'events'
  IF retention_days = ? AND changed = ?`;

const DAY_MS = 86_400_000;

/** Within this time after a change of the retention, processes with the old one may still write. */
const ROLLOUT_MS = DAY_MS;

interface State {
  readonly retentionDays: number;
  /** What lies above it was written with this retention, the previous one, or a longer one. */
  readonly completeSince: Date;
  /** The retention before the last change; null where it never changed. */
  readonly previousDays: number | null;
  readonly changed: Date;
}

/**
 * Since when the event log holds every event: since it began or was restored, and for as long as its rows are kept. A
 * row is kept for the retention that its writer had, so after a change the old retention still counts for the rows from
 * before.
 */
export class EventLogState {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #retentionDays: number;
  #state: State | null = null;

  constructor(deps: { clock: Pick<Clock, 'now'>; retentionDays: number }) {
    this.#clock = deps.clock;
    this.#retentionDays = deps.retentionDays;
  }

  /** The place above which every event is in the log. What lies below is read from the inbox rows alone. */
  start(): Position {
    const milliseconds = Math.max(startOf(this.#clock.now() / 1_000, this.#retentionDays, this.#state), 0);
    return positionAt(Math.floor(milliseconds) * 1_000);
  }

  /** Reads the state again: another process may have been started with another retention. */
  async refresh(session: Session): Promise<void> {
    const [row] = await session.read(STATE, []);
    this.#state = row === undefined ? null : stateOf(row);
  }

  /** Makes the retention of this process known. */
  async announce(session: Session): Promise<void> {
    for (;;) {
      await this.refresh(session);
      const stored = this.#state;
      if (stored?.retentionDays === this.#retentionDays) return;
      const writes = session.writes();
      const now = new Date(Math.floor(this.#clock.now() / 1_000));
      if (stored === null) {
        // Every message ever stored in this keyspace has had its events written.
        await writes.compareAndSet(BEGIN, [this.#retentionDays, new Date(0), now]);
        continue;
      }
      const { retentionDays, changed } = stored;
      await writes.compareAndSet(CHANGE, [
        this.#retentionDays,
        completeSinceAfter(stored),
        retentionDays,
        now,
        retentionDays,
        changed,
      ]);
    }
  }
}

/**
 * The time in milliseconds above which no row of the log has expired, for a process that reads `days` back.
 *
 * With the previous retention, rows were written until the change and a little longer; those older than that retention
 * are gone.
 */
export function startOf(now: number, days: number, state: State | null): number {
  if (state === null) return now - days * DAY_MS;
  const { retentionDays, completeSince, previousDays, changed } = state;
  const previous =
    previousDays === null ? 0 : Math.min(changed.getTime() + ROLLOUT_MS, now - previousDays * DAY_MS);
  return Math.max(now - Math.min(days, retentionDays) * DAY_MS, completeSince.getTime(), previous);
}

/** Of two changes only the later one is remembered; what the earlier one may leave out is given up at once. */
function completeSinceAfter({ completeSince, previousDays, changed }: State): Date {
  if (previousDays === null) return completeSince;
  return new Date(Math.max(completeSince.getTime(), changed.getTime() + ROLLOUT_MS));
}

function stateOf(row: types.Row): State {
  return {
    retentionDays: row['retention_days'] as number,
    completeSince: row['complete_since'] as Date,
    previousDays: (row['previous_days'] as number | null) ?? null,
    changed: row['changed'] as Date,
  };
}
