import { AssertionError } from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventRepository } from '../../src/application/ports/event-repository.ts';
import { microsecondsOf, positionAt } from '../../src/domain/time.ts';
import { freshUser, MINUTE, SECOND } from '../contracts/fixtures.ts';
import { marklessMutants, skippingMutants } from '../contracts/following.mutants.ts';
import { list } from '../contracts/following.ts';
import { liveAndCheck, liveScripts } from '../support/followed-state.ts';
import { followAndCheck, followingScripts } from '../support/following-model.ts';
import { followingInMemory, followingOver, settableClock } from '../support/following.ts';
import { memoryStorage } from '../support/memory-storage.ts';

test('a follower receives what was sent, with overtaking, late events, disconnects and resumes', async () => {
  await fc.assert(
    fc.asyncProperty(followingScripts, (script) => followAndCheck(followingInMemory(), script)),
    { numRuns: 200 },
  );
});

test('the same with cursors that hold only few events', async () => {
  await fc.assert(
    fc.asyncProperty(followingScripts, fc.integer({ min: 1, max: 5 }), (script, maxHashes) =>
      followAndCheck(followingInMemory(), script, maxHashes),
    ),
    { numRuns: 100 },
  );
});

test('the state of a device that follows is the state that is listed, at rest', async () => {
  await fc.assert(
    fc.asyncProperty(liveScripts, (script) => liveAndCheck(followingInMemory(), script)),
    { numRuns: 300 },
  );
});

describe('the model catches a log that', () => {
  for (const { how, makeSubject } of skippingMutants) {
    test(how, async () => {
      const property = fc.asyncProperty(followingScripts, (script) => followAndCheck(makeSubject(), script));
      const { errorInstance } = await fc.check(property, { numRuns: 500, endOnFailure: true });
      expect(errorInstance).toBeInstanceOf(AssertionError);
    });
  }
});

describe('the state of a device differs from the listed one if the log', () => {
  for (const { how, makeSubject } of [...skippingMutants, ...marklessMutants]) {
    test(how, async () => {
      const property = fc.asyncProperty(liveScripts, (script) => liveAndCheck(makeSubject(), script));
      const { errorInstance } = await fc.check(property, { numRuns: 500, endOnFailure: true });
      expect(errorInstance).toBeInstanceOf(AssertionError);
    });
  }
});

test('a cursor is refused where the log expired above it while it was read', async () => {
  const moving = settableClock();
  const storage = memoryStorage({ clock: moving.clock });
  const listAfter: EventRepository['listAfter'] = (...query) => {
    moving.pass(MINUTE);
    return storage.events.listAfter(...query);
  };
  const completeSince = () => storage.events.completeSince();
  const subject = followingOver({ ...storage, events: { completeSince, listAfter } }, moving);
  const floor = positionAt(microsecondsOf(completeSince()) + SECOND);
  await expect(list(subject, freshUser(), { floor, delivered: new Set() })).rejects.toMatchObject({
    code: 'cursor_expired',
  });
});

test('a new client gets no cursor that has expired already, in the visibility window after the log has begun', async () => {
  const moving = settableClock();
  const storage = memoryStorage({ clock: moving.clock });
  const listAfter: EventRepository['listAfter'] = (...query) => storage.events.listAfter(...query);
  const start = positionAt(moving.clock.now());
  const subject = followingOver({ ...storage, events: { completeSince: () => start, listAfter } }, moving);
  const anna = freshUser();
  await expect(list(subject, anna, null)).rejects.toMatchObject({ kind: 'unavailable' });
  moving.pass(subject.visibilityWindow);
  const { cursor } = await list(subject, anna, null);
  expect((await list(subject, anna, cursor)).events).toEqual([]);
});
