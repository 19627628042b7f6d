import { strict as assert } from 'node:assert';
import { environmentOf } from './cluster.ts';
import { makeSendRequest, balance } from './http.ts';
import { usersOf } from './load.ts';
import type { Service } from './service.ts';
import { assertAllServed, assertGuaranteesKept, assertConsistent, type Scenario } from './testbed.ts';

const ROUNDS = 2;
const REQUESTS_BETWEEN = 120;

/** The default time in which Kubernetes expects a service to end before it kills it. */
const GRACE_MS = 30_000;

const CLIENTS = { send: 6, 'send with a key': 3, read: 3 };

/** Services stop under load: they answer accepted requests, and a rolling restart loses no request. */
export const serviceStops: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const instances = [testbed.startService(environment), testbed.startService(environment)];
  await Promise.all(instances.map((instance) => instance.logged(/Ready at/)));

  const users = usersOf(8);
  const balancer = balance(instances.map(({ url }) => url));
  const rolling = testbed.startLoad({
    sendRequest: balancer.sendRequest,
    users,
    clients: CLIENTS,
    thinkMs: 20,
  });
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, instance] of instances.entries()) {
      await rolling.progress(REQUESTS_BETWEEN);
      slowest = Math.max(slowest, await stop(instance));
      const successor = testbed.startService({ ...environment, PORT: new URL(instance.url).port });
      instances[index] = successor;
      await successor.logged(/Ready at/);
    }
  }
  await rolling.stop();
  balancer.close();
  testbed.report({
    action: `SIGTERM and restart of two instances in turn, ${ROUNDS} times each`,
    attempts: rolling.attempts,
    seen: `exit 0 within ${seconds(slowest)} s`,
  });
  assertAllServed(rolling.attempts);
  const [one, other] = instances as [Service, Service];
  await assertGuaranteesKept(testbed, {
    cluster,
    sendRequest: makeSendRequest(one.url),
    users,
    attempts: rolling.attempts,
  });

  const abandoned = usersOf(8);
  const directLoad = testbed.startLoad({
    sendRequest: makeSendRequest(other.url),
    users: abandoned,
    clients: CLIENTS,
    thinkMs: 20,
  });
  await directLoad.progress(REQUESTS_BETWEEN);
  const took = await stop(other);
  await directLoad.stop();
  const answered = directLoad.attempts.filter(({ outcome }) => typeof outcome === 'number');
  const unanswered = directLoad.attempts.filter(({ outcome }) => outcome === 'unanswered').length;
  testbed.report({
    action: 'SIGTERM of an instance whose clients use no other',
    attempts: answered,
    seen:
      `exit 0 after ${seconds(took)} s; ${unanswered} more were sent while their connections closed, ` +
      `${directLoad.attempts.length - answered.length - unanswered} were refused`,
  });
  assertAllServed(answered);
  const { unknownAndStored } = await assertGuaranteesKept(testbed, {
    cluster,
    sendRequest: makeSendRequest(one.url),
    users: abandoned,
    attempts: directLoad.attempts,
  });
  assert.equal(unknownAndStored, 0, 'a request was accepted and not answered');
  await assertConsistent(testbed, [one], environment);
};

/** Stops a service, which must exit with 0; returns the duration in milliseconds. */
async function stop(service: Service): Promise<number> {
  const { code, took } = await service.terminate();
  assert.equal(code, 0, service.lines.slice(-10).join('\n'));
  assert.ok(took < GRACE_MS);
  return took;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1_000).toFixed(1);
}
