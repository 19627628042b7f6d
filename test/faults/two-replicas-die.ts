import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { replicaCountsOf } from './replica-counts.ts';
import type { SendRequest } from './http.ts';
import type { Attempt } from './load.ts';
import {
  assertAllServed,
  assertInTime,
  assertGuaranteesKept,
  assertConsistent,
  between,
  startUnderLoad,
  tallyOf,
  type Scenario,
} from './testbed.ts';

const QUIET_MS = 5_000;
const OUTAGE_MS = 12_000;

/** The service reconnects to dead nodes at least every five seconds; the rest is for the probes of this test. */
const READY_WITHIN_MS = 10_000;

/**
 * Two of three replicas are killed at once: all requests are refused in time with the correct problem, the service recovers
 * by itself, and the replicas still have everything that they acknowledged.
 */
export const twoReplicasDie: Scenario = async (testbed) => {
  const { cluster, environment, service, sendRequest, users, load } = await startUnderLoad(testbed, {
    send: 12,
    'send with a key': 3,
    read: 3,
  });
  const replicas = cluster.nodes.slice(1);

  await pause(QUIET_MS);
  await Promise.all(replicas.map((node) => node.kill()));
  const killed = performance.now();
  await pause(OUTAGE_MS);
  const health = await Promise.all(['/livez', '/readyz'].map((path) => sendRequest({ method: 'GET', path })));
  const restarted = performance.now();
  await Promise.all(replicas.map((node) => node.start()));
  const [replicaCounts, readyAfterMs] = await Promise.all([
    replicaCountsOf(cluster, between(load.attempts, 0, restarted)),
    becomesReady(sendRequest),
  ]);
  await cluster.waitUntilUp();
  const settled = performance.now();
  await pause(QUIET_MS);
  await load.stop();

  const during = between(load.attempts, killed, restarted);
  testbed.report({
    action: `kill -9 of two replicas, for ${OUTAGE_MS / 1_000} s`,
    attempts: during,
    seen: tallyOf(during),
  });
  assert.ok(during.every(isClearlyRefused), 'a request got no 503 with the right type');
  assertInTime(load.attempts);
  testbed.report({ action: 'meanwhile', seen: `/livez ${health[0]!.status}, /readyz ${health[1]!.status}` });
  assert.deepEqual(
    health.map(({ status }) => status),
    [200, 503],
  );

  const { acknowledged, missing, tooFew } = replicaCounts;
  testbed.report({
    action: 'the acknowledged messages, read from each node',
    seen: `${acknowledged} messages; the nodes lack ${missing.join(', ')}; ${tooFew} are on fewer than two`,
  });
  assert.equal(tooFew, 0, 'nodes lost acknowledged messages');

  const after = between(load.attempts, settled, Infinity);
  testbed.report({
    action: 'both run again, without a restart of the service',
    attempts: after,
    seen: `/readyz 200 after ${(readyAfterMs / 1_000).toFixed(1)} s`,
  });
  assertAllServed(after);
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users, attempts: load.attempts });
  await assertConsistent(testbed, [service], environment);
};

/** Whether the response says that storage is unavailable or, for a write, that its outcome is unknown. */
function isClearlyRefused({ kind, outcome, problem }: Attempt): boolean {
  const isKnown = problem === 'storage-unavailable' || (kind !== 'read' && problem === 'outcome-unknown');
  return outcome === 503 && isKnown;
}

/** Waits until the service is ready. Resolves with the duration in milliseconds. */
async function becomesReady(sendRequest: SendRequest): Promise<number> {
  const since = performance.now();
  while ((await sendRequest({ method: 'GET', path: '/readyz' })).status !== 200) {
    assert.ok(performance.now() - since < READY_WITHIN_MS, 'the service is not ready again');
    await pause(100);
  }
  return performance.now() - since;
}
