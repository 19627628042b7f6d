import { types, type Client, type Host } from 'cassandra-driver';

/** A setting of `cassandra.yaml` that matters to the messenger and that a client can't change. */
interface Setting {
  readonly name: string;
  readonly recommended: RegExp;
  /** What to change, and why. */
  readonly advice: string;
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'commitlog_sync',
    recommended: /^(batch|group)$/,
    advice:
      'Set commitlog_sync to batch: otherwise a node acknowledges writes before they are on disk, and loses them when it is killed.',
  },
  {
    name: 'paxos_variant',
    recommended: /^v2/,
    advice: 'Set paxos_variant to v2: sends with an idempotency key then need fewer round trips.',
  },
  {
    name: 'column_index_size',
    recommended: /^4KiB$/,
    advice: 'Set column_index_size to 4KiB: pages of large inboxes then cost less.',
  },
];

/** Settings by name; null for a setting at its default. */
export type NodeSettings = ReadonlyMap<string, string | null>;

/** A setting of one node that differs from the recommended value. */
export interface SettingError {
  readonly setting: string;
  /** The current value. */
  readonly value: string | null;
  readonly advice: string;
}

/** The settings of a node to change. A setting that the node's version does not have is not reported. */
export function settingErrorsOf(settings: NodeSettings): SettingError[] {
  return SETTINGS.flatMap(({ name, recommended, advice }) => {
    const value = settings.get(name);
    return value === undefined || recommended.test(value ?? '') ? [] : [{ setting: name, value, advice }];
  });
}

const NAMES = SETTINGS.map(({ name }) => `'${name}'`).join(', ');
const NODE_SETTINGS = `SELECT name, value FROM system_views.settings WHERE name IN (${NAMES})`;

/**
 * The settings that matter to the messenger, of each node that is up, by its `address:port`. A node is left out if the
 * query fails: it is older than 4.0, it denies access, or it is down.
 */
export async function settingsByNode(client: Client): Promise<Map<string, NodeSettings>> {
  const nodes = client.hosts.values().filter((host) => host.isUp());
  const results = await Promise.allSettled(
    nodes.map(async (host) => [host.address, await settingsOf(client, host)] as const),
  );
  return new Map(results.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
}

/** This table is local to each node, so each node is queried itself. */
async function settingsOf(client: Client, host: Host): Promise<NodeSettings> {
  const options = { host, prepare: false, consistency: types.consistencies.one, isIdempotent: true };
  const { rows } = await client.execute(NODE_SETTINGS, [], options);
  return new Map(rows.map((row) => [String(row['name']), row['value'] as string | null]));
}

/** With fewer replicas, the loss of one node loses data or makes requests fail. */
const MIN_REPLICAS = 3;

const REPLICATION = `
  SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?`;

/** Too few replicas in one datacenter. */
export interface ReplicationAdvice {
  readonly datacenter: string;
  readonly replicas: number;
  readonly advice: string;
}

/** The advice for the replication of `keyspace` in `localDatacenter`; null if there is none, or if it can't be read. */
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
  if (replicas >= MIN_REPLICAS) return null;
  const consequence =
    replicas < 2 ? 'data are lost with one node' : 'requests fail while one of two replicas is down';
  const advice = `Raise the replication factor of the keyspace to ${MIN_REPLICAS}: with ${replicas}, ${consequence}.`;
  return { datacenter: localDatacenter, replicas, advice };
}

/** The replicas of each row in `datacenter`, from the options of a replication strategy (`3`; `3/1` if one is transient). */
export function replicasIn(replication: Readonly<Record<string, string>>, datacenter: string): number {
  const factor = replication[datacenter] ?? replication['replication_factor'] ?? '0';
  const [all = '0', transient = '0'] = factor.split('/');
  return Number(all) - Number(transient);
}
