import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import type { UserId } from '../../src/domain/ids.ts';
import {
  acknowledgedDuring,
  arrivalsOf,
  assertReceived,
  lagOf,
  lagsOf,
  sentBy,
  reportReceived,
  type Sent,
} from './arrivals.ts';
import { startBroker } from './broker.ts';
import { scan } from './cluster.ts';
import { eventReads, hintsLost } from './follower-figures.ts';
import { startFollower } from './follower.ts';
import { makeSendRequest, type SendRequest } from './http.ts';
import { post, usersOf } from './load.ts';
import { startReadMarks } from './read-marks.ts';
import {
  assertGuaranteesKept,
  assertConsistent,
  between,
  startTwoServices,
  tallyOf,
  type Scenario,
} from './testbed.ts';

/** The users of each of two instances, whose messages are sent through it. Each user has two streams and a poll. */
const USERS = 23;

/** Further users, whose messages are sent one after another before the load begins. */
const RESTING_USERS = 4;
const SENDS_AT_REST = 40;

/** The pause after such a message: longer than the minimum time between two reads of a stream. */
const REST_MS = 150;
const THINK_MS = 60;
const LOAD_MS = 8_000;

/** The time without a broker: longer than `LONGEST_DELAY_MS`. */
const WITHOUT_BROKER_MS = 17_000;

/** The longest delay of an event without a broker: the time between two reads of the log without a hint. */
const LONGEST_DELAY_MS = 15_000;
const HANG_MS = 15_000;

/** Added to the longest delay for a busy host. */
const TOLERANCE_MS = 10_000;

/**
 * Clients that follow their events receive each acknowledged message and read mark at least once, while an instance is
 * killed, both are restarted, the broker is down and a replica hangs.
 */
export const followers: Scenario = async (testbed) => {
  const { cluster, environment, services, urls, start, ...started } = await startTwoServices(testbed);
  let { broker } = started;
  const restart = async (index: number): Promise<void> => {
    services[index] = await start({ PORT: new URL(urls[index]!).port });
  };

  const sendRequests = urls.map(makeSendRequest);
  const groups = urls.map(() => usersOf(USERS));
  const resting = usersOf(RESTING_USERS);
  const clients = [...groups.flat(), ...resting].flatMap((userId, index) => [
    startFollower({ urls, instance: 0, userId, by: 'stream' }),
    startFollower({ urls, instance: 1, userId, by: 'stream' }),
    startFollower({ urls, instance: index % 2, userId, by: 'poll' }),
  ]);
  try {
    await Promise.all(clients.map((client) => client.connected()));
    const atRest = await sendAtRest(sendRequests, resting);
    await Promise.all(arrivalsOf(clients, atRest));

    const readsBefore = await eventReads(urls);
    const loads = groups.map((users, index) =>
      testbed.startLoad({
        sendRequest: sendRequests[index]!,
        users,
        clients: { send: 3, 'send with a key': 1 },
        thinkMs: THINK_MS,
      }),
    );
    const marking = loads.map((load, index) => startReadMarks(sendRequests[index]!, load));
    const progress = (): Promise<unknown> => Promise.all(loads.map((load) => load.progress(40)));

    const loaded = performance.now();
    await pause(LOAD_MS);
    const readsAfter = await eventReads(urls);

    const killed = performance.now();
    await services[0].kill();
    await progress();
    await restart(0);
    await progress();

    const rolling = performance.now();
    for (const index of [0, 1]) {
      assert.equal((await services[index]!.terminate()).code, 0);
      await restart(index);
      await progress();
    }

    const lost = await hintsLost(urls);
    const brokerKilled = performance.now();
    await broker.kill();
    await pause(WITHOUT_BROKER_MS);
    const brokerStarted = performance.now();
    broker = await startBroker(broker.port);
    await Promise.all(services.map((service) => service.logged(/NATS connection restored/)));

    const hung = performance.now();
    cluster.nodes[1]!.suspend();
    await pause(HANG_MS);
    cluster.nodes[1]!.resume();
    await cluster.waitUntilUp();
    const settled = performance.now();
    await progress();
    await Promise.all(loads.map((load) => load.stop()));
    const marks = (await Promise.all(marking.map((one) => one.stop()))).flat();

    const sent = [...atRest, ...loads.flatMap(sentBy)];
    const arrivals = Promise.all(arrivalsOf(clients, sent));
    await Promise.race([arrivals, pause(LONGEST_DELAY_MS + TOLERANCE_MS, null, { ref: false })]);

    const requests = loads.flatMap(({ attempts }) => attempts);
    const phases = [
      ['with NATS, at rest', -Infinity, loaded],
      ['with NATS, under load', loaded, killed],
      ['kill -9 of a process, and its restart', killed, rolling],
      ['SIGTERM of both processes in turn, and their restart', rolling, brokerKilled],
      ['without NATS', brokerKilled, brokerStarted],
      ['NATS is back', brokerStarted, hung],
      [`SIGSTOP of a replica, for ${HANG_MS / 1_000} s, and while it catches up`, hung, settled],
    ] as const;
    for (const [action, from, until] of phases) {
      const attempts = between(requests, from, until);
      if (attempts.length > 0)
        testbed.report({ action: `${action}: sends`, attempts, seen: tallyOf(attempts) });
      testbed.report({
        action: `${action}: from the 201 to a stream of the other process`,
        seen: lagOf(clients, acknowledgedDuring(sent, from, until)),
      });
    }
    testbed.report({
      action: 'hints that the restarted processes lost before they were connected to NATS',
      seen: String(lost),
    });
    testbed.report({
      action: 'under load: reads of event logs per delivered event',
      seen: readsAfter.since(readsBefore),
    });

    for (const by of ['stream', 'poll'] as const)
      reportReceived(
        testbed,
        clients.filter((one) => one.by === by),
        by,
      );
    await assertReceived(testbed, { cluster, clients, sent, marks });
    const withoutBroker = lagsOf(clients, acknowledgedDuring(sent, brokerKilled, brokerStarted)).at(-1)!;
    assert.ok(lagsOf(clients, atRest).length > 0, 'no lag was measured at rest');
    assert.ok(
      withoutBroker < LONGEST_DELAY_MS + TOLERANCE_MS,
      `an event took ${withoutBroker} ms without a broker`,
    );

    for (const [index, users] of groups.entries()) {
      const { attempts } = loads[index]!;
      await assertGuaranteesKept(testbed, { cluster, sendRequest: sendRequests[index]!, users, attempts });
    }
    await Promise.all(clients.map((client) => client.stop()));
    const { found, left, output } = await scan(environment, '--repair');
    assert.equal(left, 0, output);
    testbed.report({
      action: 'the scanner repairs what interrupted sends left',
      seen: `${found} inconsistencies, ${left} left`,
    });
    await assertConsistent(testbed, services, environment);
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
    await broker.kill();
  }
};

/** Sends messages one after another, alternating between the instances. */
async function sendAtRest(sendRequests: readonly SendRequest[], users: readonly UserId[]): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let index = 0; index < SENDS_AT_REST; index += 1) {
    const instance = index % sendRequests.length;
    const [sender, receiver] = [users[index % users.length]!, users[(index + 1) % users.length]!];
    const send = { sender, receiver, content: `at rest ${index}`, key: null };
    const { status, body } = await post(sendRequests[instance]!, send);
    assert.equal(status, 201);
    const acknowledged = performance.now();
    sent.push({ messageId: body.id, participants: [sender, receiver], acknowledged, instance });
    await pause(REST_MS);
  }
  return sent;
}
