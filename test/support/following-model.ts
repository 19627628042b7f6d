import assert from 'node:assert/strict';
import fc from 'fast-check';
import { eventCursorFrom, eventCursorText } from '../../src/adapters/http/event-cursors.ts';
import type { EventCursor } from '../../src/domain/event-cursor.ts';
import { freshUser, idAt, appendRequest, shuffled } from '../contracts/fixtures.ts';
import { list, type FollowingSubject } from '../contracts/following.ts';

/** The steps of a script for a client that follows its events. */
export type FollowingStep =
  /** Some messages become visible, at random ages up to a share of the visibility window. */
  | { readonly kind: 'arrive'; readonly count: number; readonly age: number }
  /** A message becomes visible after the visibility window. */
  | { readonly kind: 'arrive late' }
  /** The client polls; if it is disconnected, the response is lost. */
  | { readonly kind: 'list'; readonly limit: number; readonly disconnected: boolean }
  /** A share of the window passes. */
  | { readonly kind: 'pass'; readonly time: number };

const share = fc.double({ min: 0, max: 0.95, noNaN: true });

export const followingScripts: fc.Arbitrary<FollowingStep[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('arrive' as const),
        count: fc.integer({ min: 1, max: 8 }),
        age: share,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('arrive late' as const) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('list' as const),
        limit: fc.integer({ min: 1, max: 10 }),
        disconnected: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        time: fc.double({ min: 0, max: 1.5, noNaN: true }),
      }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

/**
 * Runs a script for a client that continues from its last received cursor, and checks that it received exactly what was
 * sent, and nothing twice except after a lost response.
 */
export async function followAndCheck(
  subject: FollowingSubject,
  script: readonly FollowingStep[],
  maxHashes?: number,
): Promise<void> {
  const { storage, visibilityWindow, now, pass } = subject;
  const anna = freshUser();
  const received: string[] = [];
  const delivered: string[] = [];
  const sent = new Set<string>();
  let cursor: EventCursor = (await list(subject, anna, null)).cursor;

  const listNext = async (limit: number, disconnected: boolean): Promise<boolean> => {
    const batch = await list(subject, anna, cursor, { limit, ...(maxHashes !== undefined && { maxHashes }) });
    const events = batch.events.flatMap((event) => (event.type === 'message.created' ? [event] : []));
    if (disconnected) return true;
    received.push(...events.map(({ message }) => message.id));
    delivered.push(...events.map(({ id }) => id));
    // As clients store it.
    const text = eventCursorText(anna, batch.cursor);
    cursor = eventCursorFrom(anna, text) ?? assert.fail('a cursor is read as it was written');
    return batch.events.length > 0 || !batch.isComplete;
  };

  for (const step of script) {
    if (step.kind === 'arrive') {
      const ages = Array.from(
        { length: step.count },
        (_, n) => (step.age * visibilityWindow * n) / step.count,
      );
      for (const age of shuffled(ages)) {
        const one = appendRequest([freshUser(), anna], idAt(Math.floor(now() - age)));
        await storage.messages.append(one);
        sent.add(one.message.id);
      }
    } else if (step.kind === 'arrive late') {
      const one = { ...appendRequest([freshUser(), anna], idAt(now() - 2 * visibilityWindow)), isLive: true };
      await storage.messages.append(one);
      sent.add(one.message.id);
    } else if (step.kind === 'list') {
      await listNext(step.limit, step.disconnected);
    } else {
      pass(Math.floor(step.time * visibilityWindow));
    }
  }
  for (let rounds = 0; await listNext(10, false); rounds += 1) {
    assert.ok(rounds < 1_000, 'following comes to rest');
    if (rounds % 50 === 49) pass(visibilityWindow);
  }
  assert.deepEqual([...new Set(received)].sort(), [...sent].sort());
  // Each received response includes the cursor, so no id is received twice.
  assert.equal(new Set(delivered).size, delivered.length);
}
