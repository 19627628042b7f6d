import { setTimeout as pause } from 'node:timers/promises';
import {
  assertAllServed,
  assertGuaranteesKept,
  assertConsistent,
  between,
  startUnderLoad,
  type Scenario,
} from './testbed.ts';

const QUIET_MS = 4_000;
const OUTAGE_MS = 30_000;

/** One of three replicas is killed under load and restarts: no request fails. */
export const replicaDies: Scenario = async (testbed) => {
  const { cluster, environment, service, sendRequest, users, load } = await startUnderLoad(testbed, {
    send: 5,
    'send with a key': 2,
    read: 3,
  });
  const replica = cluster.nodes[0]!;

  const begun = performance.now();
  await pause(QUIET_MS);
  const killed = performance.now();
  await replica.kill();
  await pause(OUTAGE_MS);
  const restarted = performance.now();
  await replica.start();
  await cluster.waitUntilUp();
  const returned = performance.now();
  await pause(QUIET_MS);
  await load.stop();

  const phases = [
    ['before', begun, killed],
    [`kill -9 of a replica, for ${OUTAGE_MS / 1_000} s`, killed, restarted],
    ['while it starts again', restarted, returned],
    ['after', returned, Infinity],
  ] as const;
  for (const [action, from, until] of phases) {
    const attempts = between(load.attempts, from, until);
    const isRead = ({ kind }: { kind: string }): boolean => kind === 'read';
    testbed.report({ action: `${action}: sends`, attempts: attempts.filter((attempt) => !isRead(attempt)) });
    testbed.report({ action: `${action}: reads`, attempts: attempts.filter(isRead) });
  }
  assertAllServed(load.attempts);
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users, attempts: load.attempts });
  await assertConsistent(testbed, [service], environment);
};
