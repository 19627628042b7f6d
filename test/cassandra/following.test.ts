import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { visibilityWindow } from '../../src/domain/event.ts';
import { followingContract, type FollowingSubject } from '../contracts/following.ts';
import { describeContract } from '../support/describe-contract.ts';
import { followAndCheck, followingScripts } from '../support/following-model.ts';
import { followingOver, movingClock } from '../support/following.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

let options: CassandraOptions;
const opened: CassandraStorage[] = [];

beforeAll(async () => {
  options = await freshKeyspace();
});
afterAll(async () => {
  await Promise.all(opened.map((storage) => storage.close()));
});

async function openFollowing(): Promise<FollowingSubject> {
  const moving = movingClock();
  const storage = await openStorage(options, undefined, moving.clock);
  opened.push(storage);
  const window = visibilityWindow({
    requestTimeout: options.requestTimeoutMs * 1_000,
    maxClockSkew: options.maxClockSkewMs * 1_000,
  });
  return followingOver(storage, moving, window);
}

describeContract('following in Cassandra', followingContract, openFollowing);

test('a follower receives what was sent, with overtaking, late events, disconnects and resumes', async () => {
  const subject = await openFollowing();
  await fc.assert(
    fc.asyncProperty(followingScripts, (script) => followAndCheck(subject, script)),
    { numRuns: 25 },
  );
});
