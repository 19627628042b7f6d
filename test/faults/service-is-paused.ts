import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { millisecondsOf } from '../../src/domain/time.ts';
import type { Position } from '../../src/domain/ids.ts';
import { environmentOf } from './cluster.ts';
import { eventsOf } from './events.ts';
import { makeSendRequest } from './http.ts';
import { usersOf, post, type Attempt } from './load.ts';
import { assertGuaranteesKept, assertConsistent, isFailure, tallyOf, type Scenario } from './testbed.ts';

/** With these limits, an event is late five seconds after its id. */
const LIMITS = { REQUEST_TIMEOUT_MS: '2000', MAX_CLOCK_SKEW_MS: '200' };
const PAUSE_MS = 9_000;

/** By then, Cassandra has completed the writes that were in progress when the service was paused. */
const AT_REST_MS = 3_000;

const ROUNDS = 2;

/** Enough that some send is always between its id and its last write. */
const CLIENTS = { 'send with a key': 16, send: 8 };
const REQUESTS_BETWEEN = 200;

/**
 * A service process is paused between making an id and writing, and resumed later. An acknowledged message was visible
 * during the pause, or it has an event after the pause.
 */
export const serviceIsPaused: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const service = testbed.startService({ ...environment, ...LIMITS });
  await service.logged(/Ready at/);
  const sendRequest = makeSendRequest(service.url);
  let lateEventCount = 0;
  let acknowledgedLater = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const users = usersOf(8);
    const load = testbed.startLoad({ sendRequest, users, clients: CLIENTS, thinkMs: 0 });
    await load.progress(REQUESTS_BETWEEN);
    service.pause();
    const pausedAt = Date.now();
    await pause(AT_REST_MS);
    const seen = await eventsOf(cluster, users);
    await pause(PAUSE_MS - AT_REST_MS);
    const resumed = { at: Date.now(), as: performance.now() };
    service.resume();
    await load.progress(REQUESTS_BETWEEN);
    await load.stop();

    const attempts = await repeated(load.attempts);
    const events = await eventsOf(cluster, users);
    const late = attempts.filter(
      ({ messageId, at, took, outcome }) =>
        messageId !== null &&
        millisecondsOf(messageId as Position) < pausedAt &&
        (at + took > resumed.as || outcome !== 201),
    );
    for (const { messageId, send } of late) {
      for (const userId of [send!.sender, send!.receiver]) {
        const reports = (event: (typeof events)[number]): boolean =>
          event.userId === userId && event.messageId === messageId;
        if (seen.some(reports)) continue;
        lateEventCount += 1;
        assert.ok(
          events.some((event) => reports(event) && millisecondsOf(event.eventId as Position) >= resumed.at),
          `${messageId} of ${userId} became visible in the past`,
        );
      }
    }
    acknowledgedLater += late.length;
    testbed.report({
      action: `SIGSTOP of the service for ${PAUSE_MS / 1_000} s under load`,
      attempts: load.attempts,
      seen: tallyOf(load.attempts.filter(isFailure)),
    });
    await assertGuaranteesKept(testbed, { cluster, sendRequest, users, attempts });
  }
  testbed.report({
    action: 'sends in progress at that time, those with a key repeated',
    seen: `${acknowledgedLater} acknowledged afterwards; ${lateEventCount} inboxes and logs have a late event, the others showed them before`,
  });
  assert.ok(lateEventCount > 0, 'no message became visible late, so the test shows nothing');
  await assertConsistent(testbed, [service], environment);

  /** The attempts, after failed sends with a key were repeated until they were acknowledged. */
  async function repeated(attempts: readonly Attempt[]): Promise<Attempt[]> {
    return await Promise.all(
      attempts.map(async (attempt) => {
        const { send } = attempt;
        if (typeof send?.key !== 'string' || !isFailure(attempt)) return attempt;
        for (;;) {
          const { status, body } = await post(sendRequest, send);
          if (status === 201) return { ...attempt, messageId: body.id };
          assert.equal(status, 503);
          await pause(200);
        }
      }),
    );
  }
};
