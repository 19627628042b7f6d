import type { MessageId, Position } from '../domain/ids.ts';
import { ClockNotVerified } from './ports/clock-check.ts';
import type { MessageIds } from './ports/message-ids.ts';

/**
 * A new id above `positions`: the last change of the members of a group, so that a message is after a join or a leave that
 * was acknowledged before it was sent; or the last edit of a message, so that a later edit wins. Throws a
 * `ClockNotVerified` if the clocks of two processes differ by more than the allowed skew.
 */
export function nextIdAfter(
  messageIds: MessageIds,
  ...positions: readonly (Position | null | undefined)[]
): MessageId {
  const given = positions.filter((position) => position !== null && position !== undefined);
  for (const position of given) messageIds.observe(position);
  const id = messageIds.next();
  if (given.some((position) => id < position)) throw new ClockNotVerified();
  return id;
}
