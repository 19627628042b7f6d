import { strict as assert } from 'node:assert';
import { environmentOf } from './cluster.ts';
import { flood } from './flood.ts';
import { makeAsk } from './http.ts';
import { usersOf, type Attempt } from './load.ts';
import { memoryOf } from './memory.ts';
import {
  assertInTime,
  assertGuaranteesKept,
  assertConsistent,
  isFailure,
  tallyOf,
  type Scenario,
} from './testbed.ts';

const PHASE_MS = 8_000;

/** As many as it takes to keep a service and three nodes on two processors busy, and no more than always find room. */
const CLIENTS = 32;

const TIMES = 3;

/** What a process may grow by under a load that it can't carry: some thousand connections, and no queue. */
const MOST_GROWTH_MB = 256;

/** Three times the sustainable load: the throughput stays, and the rest is rejected at once. */
export const overload: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const service = testbed.startService(environment);
  await service.logged(/Ready at/);
  const ask = makeAsk(service.url);
  const users = usersOf(40);
  const at = { url: service.url, users };

  // Warms up everything that gets faster with use.
  const first = await flood({ ...at, load: { clients: CLIENTS }, forMs: PHASE_MS / 2 });
  const before = await flood({ ...at, load: { clients: CLIENTS }, forMs: PHASE_MS });
  const peak = perSecond(before.attempts);
  const memory = memoryOf(service.pid);
  const during = await flood({ ...at, load: { perSecond: TIMES * peak }, forMs: PHASE_MS });
  const { beganMb, mostMb } = memory.end();
  const after = await flood({ ...at, load: { clients: CLIENTS }, forMs: PHASE_MS });

  const accepted = during.attempts.filter((attempt) => !isFailure(attempt));
  const rejected = during.attempts.filter(isFailure);
  const share = (one: readonly Attempt[]): string => (perSecond(one) / peak).toFixed(2);
  testbed.report({ action: `${CLIENTS} clients, as fast as they are answered`, attempts: before.attempts });
  testbed.report({
    action: `${TIMES} times as many requests, which do not wait: served`,
    attempts: accepted,
    seen:
      `${share(accepted)} of the throughput before; the service's memory ${beganMb} MB, ` +
      `at most ${mostMb} MB meanwhile`,
  });
  testbed.report({
    action: 'rejected',
    attempts: rejected,
    seen: `${tallyOf(rejected)}; ${during.unsent} found no connection`,
  });
  testbed.report({
    action: 'the same clients as before',
    attempts: after.attempts,
    seen: `${share(after.attempts)} of the throughput before`,
  });

  assert.ok(rejected.length > accepted.length, 'that was no overload');
  assert.ok(
    rejected.every(({ problem, retryAfter }) => problem === 'overloaded' && retryAfter !== null),
    `unexpected rejections: ${tallyOf(rejected)}`,
  );
  assert.ok(mostMb - beganMb < MOST_GROWTH_MB, `memory grew from ${beganMb} to ${mostMb} MB`);
  const attempts = [first, before, during, after].flatMap((one) => one.attempts);
  assertInTime(attempts);
  await assertGuaranteesKept(testbed, { cluster, ask, users, attempts });
  await assertConsistent(testbed, [service], environment);
};

/** What was served in each second of a phase. */
function perSecond(attempts: readonly Attempt[]): number {
  return attempts.filter((attempt) => !isFailure(attempt)).length / (PHASE_MS / 1_000);
}
