import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { latenessLimits, visibilityWindow } from '../../src/domain/event.ts';
import { acknowledgedDuring, arrivalsOf, assertReceived, lagOf, sentBy, reportReceived } from './arrivals.ts';
import { scan } from './cluster.ts';
import { lateMessagesOf } from './events.ts';
import { startFollower, type Follower } from './follower.ts';
import { makeSendRequest } from './http.ts';
import { startReadMarks } from './read-marks.ts';
import { usersOf } from './load.ts';
import {
  assertGuaranteesKept,
  assertConsistent,
  between,
  startTwoServices,
  tallyOf,
  type Scenario,
} from './testbed.ts';

const USERS = 24;
const THINK_MS = 80;

/** The defaults of the service. */
const WINDOW_MS =
  visibilityWindow(latenessLimits({ requestTimeoutMs: 5_000, maxClockSkewMs: 2_000 })) / 1_000;

/** Less than the timeout of a request. */
const LONGEST_DELAY_MS = 3_000;
const DELAYED_MS = 15_000;

/** Within the visibility window, and beyond it. */
const SHORT_PAUSE_MS = 4_000;
const LONG_PAUSE_MS = 60_000;
const BETWEEN_MS = 5_000;

/** The longest delay of an event whose hint was lost, plus a margin for a busy host. */
const ARRIVE_WITHIN_MS = 15_000 + WINDOW_MS + 10_000;

/** A cursor may not be nearer to now than the visibility window; both processes have the clock of this host. */
const CLOCK_TOLERANCE_MS = 5;

/** A poll without events waits for 25 s. */
const SHORTEST_WAIT_MS = 24_900;

/**
 * Runs in a service: one in five mutations of an inbox and event log is delayed by up to three seconds, after its id was
 * made and before it is sent to Cassandra.
 */
const DELAY_SCRIPT = `
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
const { Client } = createRequire(process.cwd() + '/package.json')('cassandra-driver');
const { batch } = Client.prototype;
Client.prototype.batch = async function (statements, ...rest) {
  const keys = [...new Set(statements.map(({ params }) => String(params[0])))];
  const [result] = await Promise.all(keys.map(async (key) => {
    const mutation = statements.filter(({ params }) => String(params[0]) === key);
    const isEvent = mutation.some(({ query }) => query.includes('INTO events_by_user'));
    if (isEvent && process.delaysWrites && Math.random() < 0.2) await pause(Math.random() * ${LONGEST_DELAY_MS});
    return batch.call(this, mutation, ...rest);
  }));
  return result;
};
process.delaysWrites = true;
process.on('SIGUSR2', () => { process.delaysWrites = false; });`;

/**
 * Events become visible after events with larger ids: their writes are delayed, or their process is stopped for less and for
 * more than the visibility window. Followers still receive each of them, no cursor is nearer to now than the window, and no
 * poll returns only events that its client has.
 */
export const lateEvents: Scenario = async (testbed) => {
  const { cluster, broker, environment, services, urls } = await startTwoServices(testbed, DELAY_SCRIPT);
  const [delayed] = services;
  const sendRequests = urls.map(makeSendRequest);
  // The senders of both processes are the same people, so that a follower gets events of both.
  const users = usersOf(USERS);
  const clients = users.flatMap((userId) => [
    startFollower({ urls, instance: 0, userId, by: 'stream' }),
    startFollower({ urls, instance: 1, userId, by: 'stream' }),
    startFollower({ urls, instance: 0, userId, by: 'poll' }),
    startFollower({ urls, instance: 1, userId, by: 'poll' }),
  ]);
  const resting: Follower[] = [];
  try {
    await Promise.all(clients.map((client) => client.connected()));
    const loads = sendRequests.map((sendRequest) =>
      testbed.startLoad({
        sendRequest,
        users,
        clients: { send: 6, 'send with a key': 3 },
        thinkMs: THINK_MS,
      }),
    );
    const marking = loads.map((load, index) => startReadMarks(sendRequests[index]!, load));
    const begun = performance.now();
    await pause(DELAYED_MS);
    const delayedUntil = performance.now();
    const overtakenByDelay = overtakenBy(clients);
    process.kill(delayed.pid, 'SIGUSR2');

    const stopped: number[] = [];
    const overtaken: number[] = [];
    for (const milliseconds of [SHORT_PAUSE_MS, LONG_PAUSE_MS]) {
      stopped.push(performance.now());
      delayed.pause();
      await pause(milliseconds);
      delayed.resume();
      await pause(BETWEEN_MS);
      overtaken.push(overtakenBy(clients));
    }
    await Promise.all(loads.map((load) => load.stop()));
    const marks = (await Promise.all(marking.map((one) => one.stop()))).flat();
    const sent = loads.flatMap(sentBy);
    const arrivals = Promise.all(arrivalsOf(clients, sent));
    await Promise.race([arrivals, pause(ARRIVE_WITHIN_MS, null, { ref: false })]);

    const [shortly = 0, longer = 0] = stopped;
    const phases = [
      [
        `one in five writes of events is delayed by up to ${LONGEST_DELAY_MS / 1_000} s in one process`,
        begun,
        delayedUntil,
      ],
      [`SIGSTOP of that process for ${SHORT_PAUSE_MS / 1_000} s`, shortly, longer],
      [`SIGSTOP of that process for ${LONG_PAUSE_MS / 1_000} s`, longer, Infinity],
    ] as const;
    const attempts = loads.flatMap((load) => load.attempts);
    for (const [action, from, until] of phases) {
      const some = between(attempts, from, until);
      testbed.report({ action: `${action}: sends`, attempts: some, seen: tallyOf(some) });
    }
    testbed.report({
      action: 'with delayed writes: from the 201 to a stream of the other process',
      seen: lagOf(clients, acknowledgedDuring(sent, begun, delayedUntil)),
    });
    const late = await lateMessagesOf(cluster);
    const [afterShort = 0, afterLong = 0] = overtaken;
    testbed.report({
      action: 'events that a follower received after an event with a larger id',
      seen: [
        `${overtakenByDelay} while writes were delayed`,
        `${afterShort - overtakenByDelay} with the short stop`,
        `${afterLong - afterShort} with the long stop, after which ${late.size} messages are reported by late events`,
      ].join('; '),
    });
    for (const by of ['stream', 'poll'] as const)
      reportReceived(
        testbed,
        clients.filter((one) => one.by === by),
        by,
      );
    await assertReceived(testbed, { cluster, clients, sent, marks });
    assert.ok(
      overtakenByDelay > 0 && afterShort > overtakenByDelay,
      'no event arrived after one with a larger id',
    );
    assert.ok(late.size > 0, 'no message became visible late');

    const maxOffset = Math.max(...clients.map(({ maxCursorOffsetMs }) => maxCursorOffsetMs));
    testbed.report({
      action: 'the cursor nearest to now',
      seen: `its floor was ${(-maxOffset).toFixed(0)} ms behind the clock; the visibility window is ${WINDOW_MS} ms`,
    });
    assert.ok(
      maxOffset <= CLOCK_TOLERANCE_MS - WINDOW_MS,
      `a cursor was only ${-maxOffset} ms behind the clock`,
    );

    reportPolls(
      clients.filter(({ by }) => by === 'poll'),
      'busy users',
    );
    resting.push(
      ...usersOf(4).map((userId) => startFollower({ urls: urls.slice(1), instance: 0, userId, by: 'poll' })),
    );
    const restingSince = performance.now();
    while (resting.some(({ emptyAnswers }) => emptyAnswers < 2)) {
      assert.ok(
        performance.now() - restingSince < 90_000,
        'a poll of a user without events gets no response',
      );
      await pause(100);
    }
    reportPolls(resting, 'users without events');
    assert.ok(resting.every(({ received }) => received === 0));

    await assertGuaranteesKept(testbed, { cluster, sendRequest: sendRequests[1]!, users, attempts });
    await stopAll([...clients, ...resting]);
    const { found, left, output } = await scan(environment, '--repair');
    assert.equal(left, 0, output);
    testbed.report({
      action: 'the scanner repairs what interrupted sends left',
      seen: `${found} inconsistencies, ${left} left`,
    });
    await assertConsistent(testbed, services, environment);
  } finally {
    await stopAll([...clients, ...resting]);
    await broker.kill();
  }

  /** Reports polls. A response with events had a new one, and every response without events came after a wait. */
  function reportPolls(polls: readonly Follower[], who: string): void {
    const sum = (count: (client: Follower) => number): number =>
      polls.reduce((total, client) => total + count(client), 0);
    const shortest = Math.min(...polls.map(({ shortestWaitMs }) => shortestWaitMs));
    testbed.report({
      action: `${polls.length} pollers of ${who}`,
      seen: [
        `${sum(({ answersWithEvents }) => answersWithEvents)} responses with ${sum(({ received }) => received)} events`,
        `${sum(({ emptyAnswers }) => emptyAnswers)} responses without events, the fastest after ${shortest.toFixed(0)} ms`,
      ].join('; '),
    });
    for (const { answersWithEvents, events, resumes, received, shortestWaitMs } of polls) {
      assert.ok(answersWithEvents <= events.size + resumes, 'a response to a poll had no new event');
      assert.ok(resumes > 0 || received === events.size, 'a poll without a disconnect got repeats');
      assert.ok(shortestWaitMs > SHORTEST_WAIT_MS, 'a poll without events did not wait');
    }
  }
};

async function stopAll(clients: readonly Follower[]): Promise<void> {
  await Promise.all(clients.map((client) => client.stop()));
}

function overtakenBy(clients: readonly Follower[]): number {
  return clients.reduce((total, { overtaken }) => total + overtaken, 0);
}
