import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { respondsToCql } from '../../scripts/local-cassandra/processes.ts';
import { SERVICE_SCOPE } from '../../src/adapters/http/middleware/authentication.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { environmentOf, scan } from './cluster.ts';
import { lateMessagesOf } from './events.ts';
import { wrongInGroups, type ChangingGroup } from './group-outcome.ts';
import { balance, makeSendRequest, withToken, type SendRequest } from './http.ts';
import { attempt, createGroup, post, usersOf, type Attempt } from './load.ts';
import { move, startMoves, type Mover } from './membership-changes.ts';
import { startMessageChanges } from './message-changes.ts';
import { each } from './outcome.ts';
import { startReadMarks } from './read-marks.ts';
import type { Service } from './service.ts';
import { assertConsistent, between, isFailure, tallyOf, type Scenario } from './testbed.ts';

/** The users of each group, of whom the last one is not a member when it is created. */
const SIZES = [4, 4, 16, 64, 256];

/** The users of each group who join and leave; in small ones only so many that two stay. */
const MOVERS = 3;

const QUIET_MS = 4_000;
const HANG_MS = 15_000;

/** The acknowledged sends between two faults. */
const BETWEEN_FAULTS = 20;
const THINK_MS = 50;

/** A send to a large group takes much of the limit on concurrent requests, so most requests go to small ones. */
const WEIGHT = 256;
const MOVE_THINK_MS = 500;
const MOVE_THINK_MS_PER_USER = 15;
const REPEAT_AFTER_MS = 200;

/** Joins that race with sends, in groups below this size, and the sends of each race. */
const RACES = 30;
const SMALL = 16;
const RACING_SENDS = 8;
const STOPPED_MS = 1_500;
const MAX_DELAY_MS = 80;

/**
 * Members join and leave groups while there are sends, edits, deletions and read marks through two instances; meanwhile a
 * replica hangs, and an instance is killed. Each acknowledged message is shown to exactly those who were members at its id.
 */
export const groups: Scenario = async (testbed) => {
  const cluster = await testbed.threeNodes();
  const secret = randomUUID();
  const environment = { ...environmentOf(cluster), AUTH: 'jwt', AUTH_SECRET: secret };
  const instances = [testbed.startService(environment), testbed.startService(environment)];
  await Promise.all(instances.map((instance) => instance.logged(/Ready at/)));
  const balancer = balance(instances.map(({ url }) => url));
  const serviceToken = await tokenOf({ scope: SERVICE_SCOPE }, secret);
  const asService = withToken(balancer.sendRequest, serviceToken);

  const changing: ChangingGroup[] = [];
  for (const size of SIZES) changing.push(await changingGroup(asService, size));
  const users = changing.flatMap(({ group, movers, nonMember }) => [
    ...group.members,
    ...movers.map(({ userId }) => userId),
    nonMember,
  ]);
  const sendRequests = new Map<UserId, SendRequest>();
  for (const userId of users) {
    sendRequests.set(userId, withToken(balancer.sendRequest, await tokenOf({ sub: userId }, secret)));
  }
  const cursors = new Map<UserId, string>();
  await each(users, async (userId) => {
    const { body } = await sendRequests.get(userId)!({ method: 'GET', path: `/api/events/user/${userId}` });
    cursors.set(userId, body.next_cursor!);
  });

  const stable = changing.map(({ group }) => group);
  const load = testbed.startLoad({
    sendRequest: asService,
    users: stable.flatMap(({ members }) => members),
    groups: stable.flatMap((group) => {
      const size = group.members.length + MOVERS;
      return Array.from({ length: Math.ceil(Math.sqrt(WEIGHT / size)) }, () => group);
    }),
    groupShare: 1,
    clients: { send: 2, 'send with a key': 2, read: 1 },
    thinkMs: THINK_MS,
  });
  const movers = changing.flatMap((one) => one.movers);
  const asUser = (userId: UserId): SendRequest => sendRequests.get(userId)!;
  const moves = startMoves({
    asService,
    asUser,
    movers,
    thinkMs: ({ group }) => MOVE_THINK_MS + MOVE_THINK_MS_PER_USER * group.members.length,
  });
  const changes = startMessageChanges(asService, load);
  const marks = startReadMarks(asService, load);

  const acknowledged = (): number => load.attempts.filter(({ messageId }) => messageId !== null).length;
  const progress = async (): Promise<void> => {
    const until = acknowledged() + BETWEEN_FAULTS;
    while (acknowledged() < until) await load.progress(1);
  };

  const begun = performance.now();
  await pause(QUIET_MS);
  const replica = cluster.nodes[1]!;
  const hung = performance.now();
  replica.suspend();
  await pause(HANG_MS);
  assert.ok(!(await respondsToCql(replica.address, replica.port)), 'the replica answers');
  const resumed = performance.now();
  replica.resume();
  await cluster.waitUntilUp();
  await progress();
  const killed = performance.now();
  await instances[0]!.kill();
  await progress();
  instances[0] = testbed.startService({ ...environment, PORT: new URL(instances[0]!.url).port });
  await instances[0].logged(/Ready at/);
  await progress();
  await Promise.all([load.stop(), moves.stop(), marks.stop()]);
  const contents = await changes.stop();
  const raceStartedAt = performance.now();
  const byInstance = instances.map(({ url }) => withToken(makeSendRequest(url), serviceToken));
  const small = changing.filter(({ group }) => group.members.length < SMALL).flatMap((one) => one.movers);
  const races: Attempt[] = [];
  for (let round = 0; round < RACES; round += 1) {
    races.push(
      ...(await raceJoin(
        small[round % small.length]!,
        instances[0],
        byInstance as [SendRequest, SendRequest],
      )),
    );
  }

  const sends = [...load.attempts, ...races];
  const all = [...sends, ...moves.attempts, ...changes.attempts];
  const phases = [
    ['before', begun, hung],
    [`SIGSTOP of a replica, for ${HANG_MS / 1_000} s`, hung, resumed],
    ['while it catches up', resumed, killed],
    ['kill -9 of an instance, and its restart', killed, raceStartedAt],
    ['an instance stops in the middle of sends while a user joins', raceStartedAt, Infinity],
  ] as const;
  for (const [action, from, until] of phases) {
    for (const kind of [...new Set(all.map((one) => one.kind))]) {
      const attempts = between(all, from, until).filter((one) => one.kind === kind);
      if (attempts.length > 0) {
        testbed.report({ action: `${action}: ${kind}`, attempts, seen: tallyOf(attempts) });
      }
    }
  }
  const whileHung = between(load.attempts, hung, resumed);
  assert.ok(
    whileHung.some(({ messageId }) => messageId !== null),
    'no send was acknowledged while a replica hung',
  );
  const refused = all.filter((one) => isFailure(one) && one.outcome !== 503 && !isCutOff(one));
  assert.equal(refused.length, 0, `requests were refused: ${tallyOf(refused)}`);
  const late = await lateMessagesOf(cluster);
  const stale = load.attempts.filter(({ stale }) => stale !== null && !stale.some((id) => late.has(id)));
  assert.equal(stale.length, 0, 'reads missed an acknowledged message');

  const attempts = await each(sends, (one) => repeated(asService, one));
  const known = {
    cluster,
    groups: changing,
    attempts: attempts.filter(({ send }) => send !== null),
    contents,
    cursors,
    asUser,
    asService,
  };
  const whole = await wrongInGroups(known, false);
  testbed.report({ action: 'all that was acknowledged, as each user has it', seen: whole.compared });
  assert.deepEqual(whole.wrong.slice(0, 20), []);

  const { found, left, output } = await scan(environment, '--repair');
  assert.equal(left, 0, output);
  testbed.report({
    action: 'the scanner repairs what interrupted requests left',
    seen: `${found} inconsistencies, ${left} left`,
  });
  const repairedGroups = await wrongInGroups(known, true);
  testbed.report({ action: 'all that is stored, as each user has it', seen: repairedGroups.compared });
  assert.deepEqual(repairedGroups.wrong.slice(0, 20), []);
  balancer.close();
  await assertConsistent(testbed, instances, environment);
};

/**
 * A user joins through the second instance; meanwhile the first instance has sends, and stops in the middle of them until
 * the join is acknowledged. So a send may have read the members before the join and store its message after it.
 */
async function raceJoin(
  mover: Mover,
  first: Service,
  [asFirst, asSecond]: readonly [SendRequest, SendRequest],
): Promise<Attempt[]> {
  const { group } = mover;
  const changes = mover.isMember ? await move(asSecond, mover) : [];
  const joining = move(asSecond, mover);
  const sending = Array.from({ length: RACING_SENDS }, async () => {
    await pause(Math.random() * MAX_DELAY_MS);
    const [sender, receiver] = group.members as [UserId, UserId];
    // With a key there is a transaction between the read of the members and the write of the message.
    const send = { sender, receiver, group, content: randomUUID(), key: randomUUID() };
    const { result } = await attempt({ kind: 'send with a key', send }, () => post(asFirst, send));
    return result;
  });
  await pause((0.5 + Math.random()) * MAX_DELAY_MS);
  first.pause();
  await Promise.race([joining, pause(STOPPED_MS)]);
  first.resume();
  return [...changes, ...(await joining), ...(await Promise.all(sending))];
}

async function changingGroup(sendRequest: SendRequest, size: number): Promise<ChangingGroup> {
  const users = usersOf(size);
  const [nonMember] = usersOf(1);
  const group = await createGroup(sendRequest, users.slice(0, -1));
  const stay = Math.max(size - MOVERS, 2);
  const members = { ...group, members: users.slice(0, stay) };
  const movers = users.slice(stay).map((userId) => ({
    group: members,
    userId,
    joined: null,
    left: null,
    isMember: userId !== users.at(-1),
  }));
  return { group: members, movers, nonMember: nonMember! };
}

function tokenOf(claims: Record<string, string>, secret: string): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
}

function isCutOff({ outcome }: Attempt): boolean {
  return outcome === 'unanswered';
}

/** `attempt`, or if it is a send with a key that failed: its repeat, whose id may be from any time since. */
async function repeated(sendRequest: SendRequest, attempt: Attempt): Promise<Attempt> {
  const { send, at } = attempt;
  if (send?.key == null || !isFailure(attempt)) return attempt;
  for (;;) {
    const { status, body } = await post(sendRequest, send);
    if (status === 201) {
      return { ...attempt, took: performance.now() - at, outcome: status, problem: null, messageId: body.id };
    }
    assert.equal(status, 503);
    await pause(REPEAT_AFTER_MS);
  }
}
