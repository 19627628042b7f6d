import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { answersCql } from '../../scripts/local-cassandra/cql.ts';
import { askerOf } from './http.ts';
import { castOf, type Attempt } from './load.ts';
import { assertAllServed, assertKept, assertSound, between, inUse, type Scenario } from './stage.ts';

const QUIET_MS = 4_000;
const HANG_MS = 30_000;
const KINDS: readonly Attempt['kind'][] = ['send', 'send with a key', 'read'];

/** Sends with a key take this long at most while a replica hangs: more than one attempt, less than two. */
const SLOWEST_MS = 1_500;

/** When the first sends with a key reach a process that had none before: a moment after the replica hangs. */
const LATER_MS = 1_000;

/**
 * One of three replicas stops answering and keeps its connections open: nobody notices. That holds also in a process
 * that has first to prepare what it sends with a key.
 */
export const replicaHangs: Scenario = async (stage) => {
  const { cluster, environment, service, ask, cast, load } = await inUse(stage, {
    send: 4,
    'send with a key': 3,
    read: 3,
  });
  const victim = cluster.nodes[1]!;
  const unused = stage.startService(environment);
  await unused.said(/Ready at/);
  const others = { ask: askerOf(unused.url), cast: castOf(8), thinkMs: 30 };
  const plain = stage.startLoad({ ...others, clients: { send: 2 } });

  const begun = performance.now();
  await pause(QUIET_MS);
  const hung = performance.now();
  victim.suspend();
  await pause(LATER_MS);
  const keyedCast = castOf(8);
  const firstKeyed = stage.startLoad({ ...others, cast: keyedCast, clients: { 'send with a key': 3 } });
  await pause(HANG_MS - LATER_MS);
  assert.ok(!(await answersCql(victim.address, victim.port)), 'the replica answers');
  const resumed = performance.now();
  victim.resume();
  await cluster.settled();
  const settled = performance.now();
  await pause(QUIET_MS);
  await Promise.all([load, plain, firstKeyed].map((one) => one.stop()));

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
  stage.tell({ act: 'meanwhile, the first with a key of another process', attempts: firstKeyed.attempts });
  for (const { attempts } of [load, plain, firstKeyed]) assertAllServed(attempts);
  const keyed = [...load.attempts, ...firstKeyed.attempts].filter(({ kind }) => kind === 'send with a key');
  const slowest = Math.max(...between(keyed, hung, resumed).map(({ took }) => took));
  assert.ok(slowest < SLOWEST_MS, `a send with a key took ${slowest} ms`);
  await assertKept(stage, { cluster, ask, cast, attempts: load.attempts });
  await assertKept(stage, { cluster, ask, cast: keyedCast, attempts: firstKeyed.attempts });
  await assertSound(stage, [service, unused], environment);
};
