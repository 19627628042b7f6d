import { AssertionError } from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { visibilityWindow } from '../../src/domain/event.ts';
import type { Microseconds } from '../../src/domain/time.ts';
import { followingContract } from '../contracts/following.ts';
import { describeContract } from '../support/describe-contract.ts';
import { liveAndCheck, liveScripts, type FollowedSubject } from '../support/followed-state.ts';
import { followAndCheck, followingScripts } from '../support/following-model.ts';
import { followingOver, settableClock } from '../support/following.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

let options: CassandraOptions;
const opened: CassandraStorage[] = [];

beforeAll(async () => {
  options = await freshKeyspace();
});
afterAll(async () => {
  await Promise.all(opened.map((storage) => storage.close()));
});

/** `listingWindow` is the window that the use case assumes; by default that of the storage. */
async function openFollowing(listingWindow?: Microseconds): Promise<FollowedSubject> {
  const moving = settableClock();
  const storage = await openStorage(options, undefined, moving.clock);
  opened.push(storage);
  const window = visibilityWindow({
    requestTimeout: options.requestTimeoutMs * 1_000,
    maxClockSkew: options.maxClockSkewMs * 1_000,
  });
  const { listEvents } = followingOver(storage, moving, listingWindow ?? window);
  return { ...followingOver(storage, moving, window), listEvents };
}

describeContract('following in Cassandra', followingContract, () => openFollowing());

describe('in Cassandra, the contract catches cursors', () => {
  const clause =
    followingContract[
      'an event that becomes visible within the window is received, even after many later events'
    ];
  test.each([
    ['up to now', 0],
    ['with half of the window', 10_000_000],
  ])('%s', async (_, listingWindow) => {
    await expect(clause(await openFollowing(listingWindow))).rejects.toBeInstanceOf(AssertionError);
  });
});

test('a follower receives what was sent, with overtaking, late events, disconnects and resumes', async () => {
  const subject = await openFollowing();
  await fc.assert(
    fc.asyncProperty(followingScripts, (script) => followAndCheck(subject, script)),
    { numRuns: 25 },
  );
});

test('the state of a device that follows is the state that is listed, at rest', async () => {
  const subject = await openFollowing();
  await fc.assert(
    fc.asyncProperty(liveScripts, (script) => liveAndCheck(subject, script)),
    { numRuns: 15 },
  );
});
