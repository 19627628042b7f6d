import { strict as assert } from 'node:assert';
import type { LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { startBroker } from './broker.ts';
import { environmentOf, scan } from './cluster.ts';
import { lateMessagesOf } from './events.ts';
import { makeSendRequest, type SendRequest } from './http.ts';
import { createGroup, usersOf, type Attempt, type startLoad } from './load.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import type { Environment, Service } from './service.ts';

/** The default timeout of a request, plus a margin for a busy host. */
const RESPONSE_WITHIN_MS = 5_000 + 500;

/** A row of the table of results. */
export interface Row {
  /** The fault, or the requests that were sent. */
  readonly action: string;
  /** The requests that are counted. */
  readonly attempts?: readonly Attempt[];
  /** Further observations. */
  readonly seen?: string;
}

/** The environment of a scenario. The three nodes are shared by all scenarios; everything else ends with the scenario. */
export interface Testbed {
  /** A cluster of three running nodes, with the schema. */
  threeNodes(): Promise<LocalCluster>;
  /** A cluster of one node, without schema. */
  oneNode(deps: {
    readonly yaml?: Readonly<Record<string, unknown>>;
    readonly heapMb?: number;
  }): Promise<LocalCluster>;
  startService(environment: Environment): Service;
  startLoad: typeof startLoad;
  /** Adds a row to the table. */
  report(row: Row): void;
}

/** Tests one guarantee. Rejects if it does not hold. */
export type Scenario = (testbed: Testbed) => Promise<void>;

/** The mean pause of a client after a response, and the number of users. */
const THINK_MS = 30;
const USERS = 8;

/** Starts a ready service on three nodes, with a load of that many clients of each kind until the load is stopped. */
export async function startUnderLoad(testbed: Testbed, clients: Parameters<typeof startLoad>[0]['clients']) {
  const cluster = await testbed.threeNodes();
  const environment = environmentOf(cluster);
  const service = testbed.startService(environment);
  await service.logged(/Ready at/);
  const sendRequest = makeSendRequest(service.url);
  const users = usersOf(USERS);
  const groups = [await createGroup(sendRequest, users.slice(0, 3)), await createGroup(sendRequest, users)];
  const load = testbed.startLoad({ sendRequest, users, groups, clients, thinkMs: THINK_MS });
  return { cluster, environment, service, sendRequest, users, load };
}

/**
 * Starts two ready services on three nodes, connected to the same broker. `script` is a module that the first one runs
 * before its own code.
 */
export async function startTwoServices(testbed: Testbed, script = '') {
  const cluster = await testbed.threeNodes();
  const broker = await startBroker();
  const environment = { ...environmentOf(cluster), NATS_URL: `nats://127.0.0.1:${broker.port}` };
  const start = async (more: Environment = {}): Promise<Service> => {
    const service = testbed.startService({ ...environment, ...more });
    await Promise.all([service.logged(/Ready at/), service.logged(/Connected to NATS/)]);
    return service;
  };
  const options = `--import=data:text/javascript,${encodeURIComponent(script)}`;
  const services = await Promise.all([start({ NODE_OPTIONS: options }), start()]);
  return { cluster, broker, environment, services, urls: services.map(({ url }) => url), start };
}

/** The attempts that started from `from` until `until`, in times of performance.now(). */
export function between(attempts: readonly Attempt[], from: number, until: number): Attempt[] {
  return attempts.filter(({ at }) => at >= from && at < until);
}

/** Throws if a request failed or exceeded its timeout. */
export function assertAllServed(attempts: readonly Attempt[]): void {
  assert.ok(attempts.length > 0, 'no request was sent');
  const failed = attempts.filter(isFailure);
  assert.equal(failed.length, 0, `requests failed: ${tallyOf(failed)}`);
  assertInTime(attempts);
}

/** The number of attempts with each outcome, as text. */
export function tallyOf(attempts: readonly Attempt[]): string {
  const counts = new Map<string, number>();
  for (const { problem, outcome } of attempts) {
    const end = problem ?? String(outcome);
    counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  return [...counts].map(([end, count]) => `${count} ${end}`).join(', ');
}

/** Throws if a request exceeded its timeout. */
export function assertInTime(attempts: readonly Attempt[]): void {
  const slowest = Math.max(...attempts.map(({ took }) => took));
  assert.ok(slowest < RESPONSE_WITHIN_MS, `a request took ${slowest} ms`);
}

export function isFailure({ outcome }: Attempt): boolean {
  return typeof outcome !== 'number' || outcome >= 300;
}

/** Reads all sent messages and reports their outcome. Rejects if a guarantee is broken. */
export async function assertGuaranteesKept(
  testbed: Testbed,
  deps: {
    cluster: LocalCluster;
    sendRequest: SendRequest;
    users: readonly UserId[];
    attempts: readonly Attempt[];
  },
): Promise<Outcome> {
  const { cluster, sendRequest, users, attempts } = deps;
  const outcome = await outcomeOf(sendRequest, users, attempts, await lateMessagesOf(cluster));
  testbed.report({ action: 'afterwards, all pages of all lists', seen: summaryOf(outcome) });
  const { lost, hidden, duplicated, stale, denied, withoutMessage } = outcome;
  const broken = lost + hidden + duplicated + stale + denied + withoutMessage;
  assert.equal(broken, 0, `a guarantee is broken: ${summaryOf(outcome)}`);
  return outcome;
}

/** Stops the services and scans the keyspace. Rejects if a service fails to stop, or if the scanner finds an inconsistency. */
export async function assertConsistent(
  testbed: Testbed,
  services: readonly Service[],
  environment: Environment,
): Promise<void> {
  for (const service of services) assert.equal((await service.terminate()).code, 0);
  const { found, output } = await scan(environment);
  assert.equal(found, 0, output);
  testbed.report({ action: 'the scanner, after all services have stopped', seen: 'found nothing' });
}

function summaryOf(outcome: Outcome): string {
  const { acknowledged, lost, hidden, duplicated, stale } = outcome;
  const { unknown, unknownAndStored, denied, lagging, withoutMessage } = outcome;
  return [
    `${acknowledged} messages acknowledged: ${lost} lost, ${hidden} hidden, ${duplicated} duplicated`,
    `${stale} stale reads`,
    ...(unknown > 0 ? [`${unknown} sends with an unknown outcome, ${unknownAndStored} of them stored`] : []),
    ...(denied > 0 ? [`${denied} stored although the response denied it`] : []),
    ...(lagging > 0 ? [`${lagging} inbox rows lag`] : []),
    ...(withoutMessage > 0 ? [`${withoutMessage} inbox rows name a missing message`] : []),
  ].join('; ');
}
