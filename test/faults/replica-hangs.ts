import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { respondsToCql } from '../../scripts/local-cassandra/processes.ts';
import { makeSendRequest } from './http.ts';
import { usersOf, type Attempt } from './load.ts';
import {
  assertAllServed,
  assertGuaranteesKept,
  assertConsistent,
  between,
  startUnderLoad,
  type Scenario,
} from './testbed.ts';

const QUIET_MS = 4_000;
const HANG_MS = 30_000;
const KINDS: readonly Attempt['kind'][] = ['send', 'send with a key', 'read'];

/** The maximum duration of a send with a key while a replica hangs: between one and two timeouts of an attempt. */
const SLOWEST_MS = 1_500;

/** When the first sends with a key reach a process without earlier ones: shortly after the replica hangs. */
const LATER_MS = 1_000;

/**
 * One of three replicas stops answering and keeps its connections open: no request fails. This also holds in a process
 * that must first prepare the statements of a send with a key.
 */
export const replicaHangs: Scenario = async (testbed) => {
  const { cluster, environment, service, sendRequest, users, load } = await startUnderLoad(testbed, {
    send: 4,
    'send with a key': 3,
    read: 3,
  });
  const replica = cluster.nodes[1]!;
  const unused = testbed.startService(environment);
  await unused.logged(/Ready at/);
  const others = { sendRequest: makeSendRequest(unused.url), users: usersOf(8), thinkMs: 30 };
  const plain = testbed.startLoad({ ...others, clients: { send: 2 } });

  const begun = performance.now();
  await pause(QUIET_MS);
  const hung = performance.now();
  replica.suspend();
  await pause(LATER_MS);
  const keyedUsers = usersOf(8);
  const firstKeyed = testbed.startLoad({ ...others, users: keyedUsers, clients: { 'send with a key': 3 } });
  await pause(HANG_MS - LATER_MS);
  assert.ok(!(await respondsToCql(replica.address, replica.port)), 'the replica answers');
  const resumed = performance.now();
  replica.resume();
  await cluster.waitUntilUp();
  const settled = performance.now();
  await pause(QUIET_MS);
  await Promise.all([load, plain, firstKeyed].map((one) => one.stop()));

  const phases = [
    ['before', begun, hung],
    [`SIGSTOP of a replica, for ${HANG_MS / 1_000} s`, hung, resumed],
    ['while it catches up', resumed, settled],
    ['after', settled, Infinity],
  ] as const;
  for (const [action, from, until] of phases) {
    const attempts = between(load.attempts, from, until);
    for (const kind of KINDS) {
      testbed.report({
        action: `${action}: ${kind}`,
        attempts: attempts.filter((attempt) => attempt.kind === kind),
      });
    }
  }
  testbed.report({
    action: 'meanwhile, the first with a key of another process',
    attempts: firstKeyed.attempts,
  });
  for (const { attempts } of [load, plain, firstKeyed]) assertAllServed(attempts);
  const keyed = [...load.attempts, ...firstKeyed.attempts].filter(({ kind }) => kind === 'send with a key');
  const slowest = Math.max(...between(keyed, hung, resumed).map(({ took }) => took));
  assert.ok(slowest < SLOWEST_MS, `a send with a key took ${slowest} ms`);
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users, attempts: load.attempts });
  await assertGuaranteesKept(testbed, {
    cluster,
    sendRequest,
    users: keyedUsers,
    attempts: firstKeyed.attempts,
  });
  await assertConsistent(testbed, [service, unused], environment);
};
