import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { failureText, leftOutText } from './checks.ts';
import { localCassandraMissing, type LocalCluster } from './local-cassandra/cluster.ts';
import { cassandraFolder } from './local-cassandra/project.ts';
import { anyRequest, schemathesisMissing } from '../test/faults/any-request.ts';
import { natsServerMissing } from '../test/faults/broker.ts';
import { cassandraComesLate } from '../test/faults/cassandra-comes-late.ts';
import { environmentOf, migrate, restore, startCluster } from '../test/faults/cluster.ts';
import { followers } from '../test/faults/followers.ts';
import { groups } from '../test/faults/groups.ts';
import { historyOfLargeMessages } from '../test/faults/history-of-large-messages.ts';
import { hostileClients } from '../test/faults/hostile-clients.ts';
import { startLoad } from '../test/faults/load.ts';
import { idleFollowers } from '../test/faults/idle-followers.ts';
import { lateEvents } from '../test/faults/late-events.ts';
import { overload } from '../test/faults/overload.ts';
import { replicaDies } from '../test/faults/replica-dies.ts';
import { replicaHangs } from '../test/faults/replica-hangs.ts';
import { serviceDies } from '../test/faults/service-dies.ts';
import { serviceIsPaused } from '../test/faults/service-is-paused.ts';
import { serviceStops } from '../test/faults/service-stops.ts';
import { startService, type Service } from '../test/faults/service.ts';
import type { Row, Scenario, Testbed } from '../test/faults/testbed.ts';
import { rowOf, TABLE_HEAD } from '../test/faults/table.ts';
import { twoReplicasDie } from '../test/faults/two-replicas-die.ts';

/** Scenarios with their own cluster come first, so that only one cluster runs at a time. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'cassandra-comes-late': cassandraComesLate,
  'history-of-large-messages': historyOfLargeMessages,
  'replica-dies': replicaDies,
  'two-replicas-die': twoReplicasDie,
  'replica-hangs': replicaHangs,
  overload,
  'service-dies': serviceDies,
  'service-stops': serviceStops,
  'service-is-paused': serviceIsPaused,
  groups,
  followers,
  'late-events': lateEvents,
  'idle-followers': idleFollowers,
  'hostile-clients': hostileClients,
  'any-request': anyRequest,
};

/** Further requirements of scenarios: each function returns a sentence if its requirement is missing, and null if it is met. */
const REQUIREMENTS: Readonly<Record<string, () => Promise<string | null> | string | null>> = {
  followers: natsServerMissing,
  'late-events': natsServerMissing,
  'idle-followers': natsServerMissing,
  'any-request': schemathesisMissing,
};

const HELP = `npm run test:faults [-- --only NAME]

Injects faults into a real Cassandra of three nodes and into the service, and prints the faults and their effects.
Needs Java 17 and Maven; takes about half an hour.

  --only NAME   run only this scenario (repeatable): ${Object.keys(SCENARIOS).join(', ')}
  --help        print this text
`;

/** The time limit of all scenarios together. */
const TIME_LIMIT_MS = 45 * 60_000;

/** The maximum length of a printed error, in characters. The report of a tool may be long. */
const MAX_ERROR_LENGTH = 10_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  let names = Object.keys(SCENARIOS).filter((name) => values.only?.includes(name) ?? true);
  if (names.length === 0) {
    console.error('Unknown scenario. See --help.');
    return 2;
  }
  const missing = await localCassandraMissing();
  // Scenarios that cannot run on this host are left out; in CI that is a failure.
  const isFailure = process.env['CI'] === 'true';
  if (missing !== null) {
    console.error(leftOutText('all scenarios', missing));
    console.log(`0 passed, ${isFailure ? names.length : 0} failed`);
    return isFailure ? 1 : 0;
  }

  let leftOut = 0;
  for (const [name, reasonMissing] of Object.entries(REQUIREMENTS)) {
    const without = names.includes(name) ? await reasonMissing() : null;
    if (without === null) continue;
    console.error(leftOutText(name, without));
    names = names.filter((other) => other !== name);
    leftOut += isFailure ? 1 : 0;
  }

  const ending = new AbortController();
  const end = (why: string) => () => ending.abort(new Error(why));
  const timeLimit = setTimeout(end('the time limit of 45 minutes is exceeded'), TIME_LIMIT_MS);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end(signal));

  mkdirSync(cassandraFolder, { recursive: true });
  const folder = mkdtempSync(join(cassandraFolder, 'faults-'));
  const failed = leftOut + (await runScenarios(names, folder, ending.signal));
  clearTimeout(timeLimit);
  if (failed === 0) rmSync(folder, { recursive: true });
  else console.error(`The logs of the nodes are in ${folder}`);
  console.log(`\n${names.length + leftOut - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Runs scenarios one after the other, prints their rows, and returns the number of failed scenarios. */
async function runScenarios(names: readonly string[], folder: string, signal: AbortSignal): Promise<number> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
  aborted.catch(() => {});
  const clusters: { three?: Promise<LocalCluster> } = {};
  let failed = 0;
  let oneNodes = 0;
  console.log(TABLE_HEAD);
  for (const name of names) {
    const startedAt = performance.now();
    const ends: (() => Promise<unknown>)[] = [];
    const services: Service[] = [];
    const report = (row: Row): void => console.log(rowOf(name, row));
    const testbed: Testbed = {
      async threeNodes() {
        clusters.three ??= threeNodes(join(folder, 'three-nodes'), signal);
        const cluster = await clusters.three;
        await restore(cluster);
        return cluster;
      },
      async oneNode(deps) {
        oneNodes += 1;
        const directory = join(folder, `one-node-${oneNodes}`);
        const cluster = await startCluster({ directory, nodes: 1, signal, ...deps });
        ends.push(() => cluster.stop());
        return cluster;
      },
      startService(environment) {
        const service = startService(environment);
        services.push(service);
        ends.push(() => service.kill());
        return service;
      },
      startLoad(deps) {
        const load = startLoad(deps);
        ends.push(() => load.stop());
        return load;
      },
      report,
    };
    try {
      signal.throwIfAborted();
      await Promise.race([SCENARIOS[name]!(testbed), aborted]);
    } catch (error) {
      failed += 1;
      const { stack = String(error) } = error as Error;
      console.error(failureText(name, stack.slice(0, MAX_ERROR_LENGTH)));
      for (const { lines } of services)
        console.error(
          ['A service ended with:', ...lines.slice(-5).map((line) => line.slice(0, 500))].join('\n'),
        );
      report({ action: '**failed**', seen: (error as Error).message.split('\n')[0]! });
    }
    await Promise.all(ends.map((end) => end()));
    console.error(`${name} took ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
  }
  const three = await clusters.three?.catch(() => null);
  await three?.stop();
  return failed;
}

async function threeNodes(directory: string, signal: AbortSignal): Promise<LocalCluster> {
  const cluster = await startCluster({ directory, nodes: 3, signal });
  await migrate(environmentOf(cluster));
  return cluster;
}

// An aborted scenario may still have pending work, so the process exits explicitly.
process.exit(await main());
