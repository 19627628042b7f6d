import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { answersCql } from '../../scripts/local-cassandra/cql.ts';
import type { Attempt } from './load.ts';
import { assertAllServed, assertKept, assertSound, between, inUse, type Scenario } from './stage.ts';

const QUIET_MS = 4_000;
const HANG_MS = 30_000;
const KINDS: readonly Attempt['kind'][] = ['send', 'send with a key', 'read'];

/** One of three replicas stops answering and keeps its connections open: nobody notices, and nothing outlives its deadline. */
export const replicaHangs: Scenario = async (stage) => {
  const { cluster, environment, service, ask, cast, load } = await inUse(stage, {
    send: 4,
    'send with a key': 3,
    read: 3,
  });
  const victim = cluster.nodes[1]!;

  const begun = performance.now();
  await pause(QUIET_MS);
  const hung = performance.now();
  victim.suspend();
  await pause(HANG_MS);
  assert.ok(!(await answersCql(victim.address, victim.port)), 'the replica answers');
  const resumed = performance.now();
  victim.resume();
  await cluster.settled();
  const settled = performance.now();
  await pause(QUIET_MS);
  await load.stop();

  const phases = [
    ['before', begun, hung],
    [`SIGSTOP of a replica, for ${HANG_MS / 1_000} s`, hung, resumed],
    ['while it catches up', resumed, settled],
    ['after', settled, Infinity],
  ] as const;
  for (const [act, from, until] of phases) {
    const attempts = between(load.attempts, from, until);
    for (const kind of KINDS) {
      stage.tell({ act: `${act}: ${kind}`, attempts: attempts.filter((attempt) => attempt.kind === kind) });
    }
  }
  assertAllServed(load.attempts);
  await assertKept(stage, { ask, cast, attempts: load.attempts });
  await assertSound(stage, [service], environment);
};
