import { strict as assert } from 'node:assert';
import { environmentOf, scan } from './cluster.ts';
import { makeSendRequest, balance } from './http.ts';
import { createGroup, usersOf, post, type Attempt } from './load.ts';
import { lateMessagesOf } from './events.ts';
import { outcomeOf } from './outcome.ts';
import { assertGuaranteesKept, assertConsistent, type Scenario } from './testbed.ts';

const ROUNDS = 2;
const SENDS_BETWEEN = 60;

/** Enough that few conversations get a further message, which would complete a half-finished send. */
const USERS = 40;

/** Two instances are killed repeatedly during sends: acknowledged messages are complete. */
export const serviceDies: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const instances = [testbed.startService(environment), testbed.startService(environment)];
  await Promise.all(instances.map((instance) => instance.logged(/Ready at/)));
  const balancer = balance(instances.map(({ url }) => url));
  const users = { keyed: usersOf(USERS), plain: usersOf(USERS) };
  const sending = { sendRequest: balancer.sendRequest, thinkMs: 5 };
  const [forKeyed, forPlain] = await Promise.all(
    [users.keyed, users.plain].map(async (some) => [
      await createGroup(balancer.sendRequest, some.slice(0, 3)),
      await createGroup(balancer.sendRequest, some.slice(0, 10)),
    ]),
  );
  const keyed = testbed.startLoad({
    ...sending,
    users: users.keyed,
    groups: forKeyed!,
    clients: { 'send with a key': 8 },
  });
  const plain = testbed.startLoad({
    ...sending,
    users: users.plain,
    groups: forPlain!,
    clients: { send: 8 },
  });

  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, instance] of instances.entries()) {
      await Promise.all([keyed.progress(SENDS_BETWEEN), plain.progress(SENDS_BETWEEN)]);
      await instance.kill();
      const port = new URL(instance.url).port;
      const successor = testbed.startService({ ...environment, PORT: port });
      instances[index] = successor;
      await successor.logged(/Ready at/);
    }
  }
  await Promise.all([keyed.stop(), plain.stop()]);
  balancer.close();

  const sendRequest = makeSendRequest(instances[0]!.url);
  const action = `kill -9 of two instances in turn, ${ROUNDS} times each`;
  testbed.report({ action: `${action}: sends`, attempts: plain.attempts });
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users: users.plain, attempts: plain.attempts });
  testbed.report({ action: `${action}: sends with a key`, attempts: keyed.attempts });
  await assertGuaranteesKept(testbed, { cluster, sendRequest, users: users.keyed, attempts: keyed.attempts });
  for (const { attempts } of [keyed, plain]) {
    assert.ok(attempts.some(isCutOff), 'no send was interrupted, so the test shows nothing');
    assert.ok(attempts.every((attempt) => attempt.outcome === 201 || isCutOff(attempt)));
  }

  const repeated = await Promise.all(
    keyed.attempts.map(async (attempt) => {
      if (attempt.send === null || !isCutOff(attempt)) return attempt;
      const { status, body } = await post(sendRequest, attempt.send);
      assert.equal(status, 201);
      return { ...attempt, outcome: status, messageId: body.id };
    }),
  );
  testbed.report({
    action: 'every interrupted send with a key is repeated',
    seen: `${keyed.attempts.filter(isCutOff).length} answered`,
  });
  const whole = await assertGuaranteesKept(testbed, {
    cluster,
    sendRequest,
    users: users.keyed,
    attempts: repeated,
  });
  assert.deepEqual([whole.unknown, whole.lagging], [0, 0]);

  const { found, left, output } = await scan(environment, '--repair');
  assert.equal(left, 0, output);
  testbed.report({
    action: 'the scanner repairs interrupted sends without a key',
    seen: `${found} inconsistencies, ${left} left`,
  });
  const { lagging } = await outcomeOf(
    sendRequest,
    users.plain,
    plain.attempts,
    await lateMessagesOf(cluster),
  );
  assert.equal(lagging, 0);
  await assertConsistent(testbed, instances, environment);
};

function isCutOff({ outcome }: Attempt): boolean {
  return outcome === 'unanswered';
}
