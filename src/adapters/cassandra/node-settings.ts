import { types, type Client, type Host } from 'cassandra-driver';

/** A setting of `cassandra.yaml` that makes a difference to the messenger, which it can't make itself. */
interface Setting {
  readonly name: string;
  readonly wanted: RegExp;
  /** What to do, and what is otherwise the case, in a sentence for people. */
  readonly advice: string;
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'commitlog_sync',
    wanted: /^(batch|group)$/,
    advice:
      'Set commitlog_sync to batch: a node that acknowledges first and writes its log later forgets acknowledged messages when it is killed.',
  },
  {
    name: 'paxos_variant',
    wanted: /^v2/,
    advice: 'Set paxos_variant to v2: sends with an idempotency key then take fewer round trips.',
  },
  {
    name: 'column_index_size',
    wanted: /^4KiB$/,
    advice: 'Set column_index_size to 4KiB: pages of large inboxes then cost less.',
  },
];

/** Settings by name; null is one that is left to its default. */
export type NodeSettings = ReadonlyMap<string, string | null>;

/** A setting of one node that is not as the messenger would have it. */
export interface SettingError {
  readonly setting: string;
  /** What it is instead. */
  readonly value: string | null;
  readonly advice: string;
}

/** What is to be changed on a node that has these settings. One that the node's version does not have is no flaw. */
export function flawsOf(settings: NodeSettings): SettingError[] {
  return SETTINGS.flatMap(({ name, wanted, advice }) => {
    const value = settings.get(name);
    return value === undefined || wanted.test(value ?? '') ? [] : [{ setting: name, value, advice }];
  });
}

const NAMES = SETTINGS.map(({ name }) => `'${name}'`).join(', ');
const SETTINGS_OF_A_NODE = `SELECT name, value FROM system_views.settings WHERE name IN (${NAMES})`;

/**
 * The settings that matter to the messenger, of each node that is up, by its `address:port`. A node that does not tell,
 * because it is older than 4.0, does not let the user look, or is not there any more, is left out.
 */
export async function settingsByNode(client: Client): Promise<Map<string, NodeSettings>> {
  const nodes = client.hosts.values().filter((host) => host.isUp());
  const answers = await Promise.allSettled(
    nodes.map(async (host) => [host.address, await settingsOf(client, host)] as const),
  );
  return new Map(answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
}

/** Each node has a table of its own, so it must be asked itself. */
async function settingsOf(client: Client, host: Host): Promise<NodeSettings> {
  const options = { host, prepare: false, consistency: types.consistencies.one, isIdempotent: true };
  const { rows } = await client.execute(SETTINGS_OF_A_NODE, [], options);
  return new Map(rows.map((row) => [String(row['name']), row['value'] as string | null]));
}

/** Fewer lose data with a node, or stop serving without it. */
const WANTED_REPLICAS = 3;

const REPLICATION = `
  SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?`;

/** Too few replicas in one datacenter. */
export interface ReplicationAdvice {
  readonly datacenter: string;
  readonly replicas: number;
  readonly advice: string;
}

/** What to change about the replication of `keyspace` in `datacenter`; null where nothing is, or it can't be read. */
export async function replicationAdvice(
  client: Client,
  { keyspace, localDatacenter }: { readonly keyspace: string; readonly localDatacenter: string },
): Promise<ReplicationAdvice | null> {
  const options = { consistency: types.consistencies.one, isIdempotent: true };
  const [row] = await client.execute(REPLICATION, [keyspace], options).then(
    ({ rows }) => rows,
    () => [],
  );
  const replication = row?.['replication'] as Readonly<Record<string, string>> | undefined;
  if (replication === undefined) return null;
  const replicas = replicasIn(replication, localDatacenter);
  if (replicas >= WANTED_REPLICAS) return null;
  const consequence =
    replicas < 2 ? 'data are lost with one node' : 'requests fail while one of two replicas is down';
  const advice = `Raise the replication factor of the keyspace to ${WANTED_REPLICAS}: with ${replicas}, ${consequence}.`;
  return { datacenter: localDatacenter, replicas, advice };
}

/** The replicas of each row in `datacenter`, by the options of a replication strategy (`3`, or `3/1` with a transient one). */
export function replicasIn(replication: Readonly<Record<string, string>>, datacenter: string): number {
  const factor = replication[datacenter] ?? replication['replication_factor'] ?? '0';
  const [all = '0', transient = '0'] = factor.split('/');
  return Number(all) - Number(transient);
}
