import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { Microseconds } from '../../src/domain/time.ts';
import type { FollowedSubject } from './followed-state.ts';
import { memoryStorage } from './memory-storage.ts';
import { useCasesOver } from './use-cases.ts';

/** The host's clock, which a test moves ahead. */
export function settableClock(): { clock: Clock; pass: (time: Microseconds) => void } {
  const host = makeClock();
  let ahead = 0;
  const now = (): Microseconds => host.now() + ahead;
  return {
    clock: { now, latest: now },
    pass: (time) => {
      ahead += time;
    },
  };
}

/** The use case that follows events in `storage`, with the same clock. */
export function followingOver(
  storage: Storage,
  { clock, pass }: ReturnType<typeof settableClock>,
  visibilityWindow: Microseconds = 12_000_000,
): FollowedSubject {
  const messageIds = makeMessageIds({ clock });
  const useCases = useCasesOver(storage, { clock, messageIds, visibilityWindow });
  return {
    storage,
    useCases,
    listEvents: useCases.listEvents,
    visibilityWindow,
    now: () => clock.now(),
    pass,
  };
}

export function followingInMemory(moving = settableClock()): FollowedSubject {
  return followingOver(memoryStorage({ clock: moving.clock }), moving);
}
