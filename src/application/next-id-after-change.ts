import type { Roster } from '../domain/group.ts';
import type { MessageId } from '../domain/ids.ts';
import { ClockNotVerified } from './ports/clock-check.ts';
import type { MessageIds } from './ports/message-ids.ts';

/**
 * A new id after the last change of the members that has been read, so that a message is after a join or a leave that was
 * acknowledged before it was sent. Throws a `ClockNotVerified` if the clocks of the two processes differ by more than the
 * allowed skew.
 */
export function nextIdAfterChange(messageIds: MessageIds, { changed }: Pick<Roster, 'changed'>): MessageId {
  messageIds.observe(changed);
  const id = messageIds.next();
  if (id < changed) throw new ClockNotVerified();
  return id;
}
