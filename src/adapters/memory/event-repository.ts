import type { Clock } from '../../application/ports/clock.ts';
import type { EventRepository } from '../../application/ports/event-repository.ts';
import type { Event } from '../../domain/event.ts';
import type { Position, UserId } from '../../domain/ids.ts';
import { positionAt, type Microseconds } from '../../domain/time.ts';
import { SortedList } from './sorted-list.ts';

const DAY: Microseconds = 86_400_000_000;

/** The event logs, in this process's memory. */
export class MemoryEventRepository implements EventRepository {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #retentionDays: number;
  readonly #logs = new Map<UserId, SortedList<Event>>();

  constructor(deps: { clock: Pick<Clock, 'now'>; eventRetentionDays: number }) {
    this.#clock = deps.clock;
    this.#retentionDays = deps.eventRetentionDays;
  }

  /** Adds `event` to the log of each of `users`, and drops the events beyond the retention. Idempotent. */
  add(event: Event, users: readonly UserId[]): void {
    const start = this.completeSince();
    const kept = Object.freeze(event);
    for (const userId of users) {
      let log = this.#logs.get(userId);
      if (log === undefined) {
        log = new SortedList(({ id }) => id);
        this.#logs.set(userId, log);
      }
      log.add(kept);
      log.dropUpTo(start);
    }
  }

  listAfter(userId: UserId, after: Position, limit: number): Promise<readonly Event[]> {
    const start = this.completeSince();
    const from = after > start ? after : start;
    return Promise.resolve(this.#logs.get(userId)?.above(from, limit) ?? []);
  }

  completeSince(): Position {
    return positionAt(Math.max(this.#clock.now() - this.#retentionDays * DAY, 0));
  }
}
