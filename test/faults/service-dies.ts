import { strict as assert } from 'node:assert';
import { environmentOf, scan } from './cluster.ts';
import { askerOf, balance } from './http.ts';
import { castOf, post, type Attempt } from './load.ts';
import { lateMessagesOf } from './events.ts';
import { outcomeOf } from './outcome.ts';
import { assertKept, assertSound, type Scenario } from './stage.ts';

const ROUNDS = 2;
const SENDS_BETWEEN = 60;

/** So many people that hardly a conversation has a next message, which would mend what a death left behind. */
const PEOPLE = 40;

/** Two instances are killed in the middle of sends, again and again: what was acknowledged is whole. */
export const serviceDies: Scenario = async (stage) => {
  const cluster = await stage.threeNodes();
  const environment = environmentOf(cluster);
  const instances = [stage.startService(environment), stage.startService(environment)];
  await Promise.all(instances.map((instance) => instance.said(/Ready at/)));
  const balancer = balance(instances.map(({ url }) => url));
  const casts = { keyed: castOf(PEOPLE), plain: castOf(PEOPLE) };
  const sending = { ask: balancer.ask, thinkMs: 5 };
  const keyed = stage.startLoad({ ...sending, cast: casts.keyed, clients: { 'send with a key': 8 } });
  const plain = stage.startLoad({ ...sending, cast: casts.plain, clients: { send: 8 } });

  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, instance] of instances.entries()) {
      await Promise.all([keyed.progress(SENDS_BETWEEN), plain.progress(SENDS_BETWEEN)]);
      await instance.kill();
      const port = new URL(instance.url).port;
      const successor = stage.startService({ ...environment, PORT: port });
      instances[index] = successor;
      await successor.said(/Ready at/);
    }
  }
  await Promise.all([keyed.stop(), plain.stop()]);
  balancer.close();

  const ask = askerOf(instances[0]!.url);
  const act = `kill -9 of two instances in turn, ${ROUNDS} times each`;
  stage.tell({ act: `${act}: sends`, attempts: plain.attempts });
  await assertKept(stage, { cluster, ask, cast: casts.plain, attempts: plain.attempts });
  stage.tell({ act: `${act}: sends with a key`, attempts: keyed.attempts });
  await assertKept(stage, { cluster, ask, cast: casts.keyed, attempts: keyed.attempts });
  for (const { attempts } of [keyed, plain]) {
    assert.ok(attempts.some(isCutOff), 'no send was cut off, so nothing was shown');
    assert.ok(attempts.every((attempt) => attempt.outcome === 201 || isCutOff(attempt)));
  }

  const repeated = await Promise.all(
    keyed.attempts.map(async (attempt) => {
      if (attempt.send === null || !isCutOff(attempt)) return attempt;
      const { status, body } = await post(ask, attempt.send);
      assert.equal(status, 201);
      return { ...attempt, outcome: status, messageId: body.id };
    }),
  );
  stage.tell({
    act: 'every send with a key that was cut off is repeated',
    seen: `${keyed.attempts.filter(isCutOff).length} answered`,
  });
  const whole = await assertKept(stage, { cluster, ask, cast: casts.keyed, attempts: repeated });
  assert.deepEqual([whole.open, whole.lagging], [0, 0]);

  const { found, left, output } = await scan(environment, '--repair');
  assert.equal(left, 0, output);
  stage.tell({
    act: 'the scanner mends what sends without a key left',
    seen: `${found} flaws, ${left} left`,
  });
  const { lagging } = await outcomeOf(ask, casts.plain, plain.attempts, await lateMessagesOf(cluster));
  assert.equal(lagging, 0);
  await assertSound(stage, instances, environment);
};

function isCutOff({ outcome }: Attempt): boolean {
  return outcome === 'unanswered';
}
