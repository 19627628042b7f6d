import { strict as assert } from 'node:assert';
import { environmentOf, migrate } from './cluster.ts';
import { makeSendRequest } from './http.ts';
import { usersOf, post } from './load.ts';
import type { UserId } from '../../src/domain/ids.ts';
import type { Environment } from './service.ts';
import { assertConsistent, type Scenario } from './testbed.ts';

/** A configuration mistake and the expected log line. */
const MISTAKES: readonly (readonly [Environment, RegExp])[] = [
  [{ CASSANDRA_LOCAL_DATACENTER: 'elsewhere' }, /no datacenter elsewhere \(CASSANDRA_LOCAL_DATACENTER\)/],
  [{ CASSANDRA_KEYSPACE: 'nothing' }, /no keyspace nothing \(CASSANDRA_KEYSPACE\)/],
  [{ CASSANDRA_PASSWORD: 'wrong' }, /rejected the login with CASSANDRA_USERNAME and CASSANDRA_PASSWORD/],
  [{ CASSANDRA_USERNAME: '', CASSANDRA_PASSWORD: '' }, /set CASSANDRA_USERNAME and CASSANDRA_PASSWORD/],
];

/** A service that starts before its Cassandra waits for it; a misconfigured one fails at once. */
export const cassandraComesLate: Scenario = async (testbed) => {
  const cluster = await testbed.oneNode({ yaml: { authenticator: 'PasswordAuthenticator' } });
  const environment = {
    ...environmentOf(cluster),
    // The default role of a new cluster.
    CASSANDRA_USERNAME: 'cassandra',
    CASSANDRA_PASSWORD: 'cassandra',
  };
  await migrate(environment);

  for (const [mistake, message] of MISTAKES) {
    const service = testbed.startService({ ...environment, ...mistake });
    const { code, took } = await service.ended;
    const last = service.lines.at(-1) ?? '';
    testbed.report({
      action: `start with ${Object.entries(mistake)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      seen: `exit ${code} after ${(took / 1_000).toFixed(1)} s: ${JSON.parse(last).msg}`,
    });
    assert.match(last, message);
    assert.equal(code, 1);
  }

  const [node] = cluster.nodes;
  await node!.stop();
  const service = testbed.startService(environment);
  const waiting = await service.logged(/Cassandra is not reachable yet/);
  const sendRequest = makeSendRequest(service.url);
  const [alice, bob] = usersOf(2) as [UserId, UserId];
  const send = { sender: alice, receiver: bob, content: 'Are you there?', key: null };
  const early = await post(sendRequest, send);
  const health = await Promise.all(['/livez', '/readyz'].map((path) => sendRequest({ method: 'GET', path })));
  testbed.report({
    action: 'start without Cassandra',
    seen:
      `log: ${JSON.parse(waiting).msg}; /livez ${health[0]!.status}, /readyz ${health[1]!.status}, ` +
      `a send ${early.status} ${early.body.type}`,
  });
  assert.deepEqual(
    [early, ...health].map(({ status }) => status),
    [503, 200, 503],
  );
  assert.match(early.body.type, /storage-unavailable$/);

  await node!.start();
  const started = performance.now();
  await service.logged(/Ready at/);
  const late = await post(sendRequest, send);
  testbed.report({
    action: 'Cassandra starts',
    seen: `ready ${((performance.now() - started) / 1_000).toFixed(1)} s after the node; the send ${late.status}`,
  });
  assert.equal(late.status, 201);
  await assertConsistent(testbed, [service], environment);
};
