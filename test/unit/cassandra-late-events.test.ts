import { expect, test } from 'vitest';
import { agreeOnLateEvent } from '../../src/adapters/cassandra/late-events.ts';
import type { Row, Writes } from '../../src/adapters/cassandra/session.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { HOUR, freshUsers, idAt, now, appendRequest } from '../contracts/fixtures.ts';
import { timelessClock } from '../support/memory-storage.ts';

test('a late event is agreed on again if the one to replace is gone because the table was truncated', async () => {
  const { message } = appendRequest(freshUsers(), idAt(now() - 2 * HOUR));
  const agreed = idAt(now() - HOUR);
  let stored: unknown = agreed;
  const listed: unknown[] = [];
  const writes = {
    run: (_: string, params: readonly unknown[]) => {
      listed.push(params[1]);
      return Promise.resolve();
    },
    compareAndSet: (query: string, params: readonly unknown[]) => {
      if (query.includes('IF NOT EXISTS')) {
        const found = stored;
        stored ??= params[2];
        const answer = found === null ? { '[applied]': true } : { '[applied]': false, event_id: found };
        // Truncated after it was found.
        if (found === agreed) stored = null;
        return Promise.resolve(answer as unknown as Row);
      }
      // Cassandra returns no columns for a missing row.
      return Promise.resolve({ '[applied]': false } as unknown as Row);
    },
  } as unknown as Writes;
  const eventId = await agreeOnLateEvent(
    { messageIds: makeMessageIds({ clock: timelessClock() }), isLate: (event) => event <= agreed },
    message,
    writes,
  );
  expect(eventId).toBe(stored);
  expect(eventId > agreed).toBe(true);
  // Listed, so that the message counts as unread.
  expect(listed).toEqual([eventId]);
});
