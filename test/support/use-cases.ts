import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { Capacity } from '../../src/application/ports/capacity.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { Repositories } from '../../src/application/ports/storage.ts';
import type { Microseconds } from '../../src/domain/time.ts';
import { makeUseCases, type UseCases } from '../../src/application/use-cases.ts';

/** The use cases over `storage`, with the time and the ids of a test. */
export function useCasesOver(
  storage: Repositories,
  {
    clock,
    messageIds,
    visibilityWindow = 12_000_000,
    capacity = { reserve: () => () => undefined },
  }: { clock: Clock; messageIds: MessageIds; visibilityWindow?: Microseconds; capacity?: Capacity },
): UseCases {
  return makeUseCases({ ...storage, clock, messageIds, conversationIdOf, capacity, visibilityWindow });
}
