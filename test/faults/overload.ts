import { strict as assert } from 'node:assert';
import { environmentOf } from './cluster.ts';
import { flood } from './flood.ts';
import { makeSendRequest } from './http.ts';
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

/** Enough to saturate a service and three nodes on two processors, and below the concurrency limit. */
const CLIENTS = 32;

const TIMES = 3;

/** The maximum growth of a process under overload: thousands of connections, and no queue. */
const MAX_GROWTH_MB = 256;

/** Three times the sustainable load: the throughput stays, and the rest is rejected at once. */
export const overload: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const service = testbed.startService(environment);
  await service.logged(/Ready at/);
  const sendRequest = makeSendRequest(service.url);
  const users = usersOf(40);
  const at = { url: service.url, users };

  // A warm-up.
  const first = await flood({ ...at, load: { clients: CLIENTS }, forMs: PHASE_MS / 2 });
  const before = await flood({ ...at, load: { clients: CLIENTS }, forMs: PHASE_MS });
  const peak = perSecond(before.attempts);
  const memory = memoryOf(service.pid);
  const during = await flood({ ...at, load: { perSecond: TIMES * peak }, forMs: PHASE_MS });
  const { startMb, maxMb } = memory.end();
  const after = await flood({ ...at, load: { clients: CLIENTS }, forMs: PHASE_MS });

  const accepted = during.attempts.filter((attempt) => !isFailure(attempt));
  const rejected = during.attempts.filter(isFailure);
  const share = (one: readonly Attempt[]): string => (perSecond(one) / peak).toFixed(2);
  testbed.report({ action: `${CLIENTS} clients without pauses`, attempts: before.attempts });
  testbed.report({
    action: `${TIMES} times as many requests, open loop: served`,
    attempts: accepted,
    seen:
      `${share(accepted)} of the throughput before; the service's memory ${startMb} MB, ` +
      `at most ${maxMb} MB meanwhile`,
  });
  testbed.report({
    action: 'rejected',
    attempts: rejected,
    seen: `${tallyOf(rejected)}; ${during.unsent} without a free connection`,
  });
  testbed.report({
    action: 'the same clients as before',
    attempts: after.attempts,
    seen: `${share(after.attempts)} of the throughput before`,
  });

  // Requests without a free connection are too many, as well: the responses of the others are still to come.
  assert.ok(rejected.length + during.unsent > accepted.length, 'the load was no overload');
  assert.ok(
    rejected.every(({ problem, retryAfter }) => problem === 'overloaded' && retryAfter !== null),
    `unexpected rejections: ${tallyOf(rejected)}`,
  );
  assert.ok(maxMb - startMb < MAX_GROWTH_MB, `memory grew from ${startMb} to ${maxMb} MB`);
  const attempts = [first, before, during, after].flatMap((one) => one.attempts);
  assertInTime(attempts);
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users, attempts });
  await assertConsistent(testbed, [service], environment);
};

/** The served requests per second of a phase. */
function perSecond(attempts: readonly Attempt[]): number {
  return attempts.filter((attempt) => !isFailure(attempt)).length / (PHASE_MS / 1_000);
}
