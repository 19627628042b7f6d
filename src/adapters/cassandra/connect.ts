import {
  auth,
  Client,
  type DseClientOptions,
  errors,
  type ExecutionOptions,
  type Host,
  policies,
  types,
} from 'cassandra-driver';
import type { ConsistencyName } from './consistency.ts';
import { HedgePolicy } from './retry-policies.ts';
import type { SessionOptions } from './session.ts';

/** What it takes to reach a cluster. */
export interface CassandraOptions {
  /** `address:port` of some nodes; the others are discovered, at the port of the first. */
  readonly contactPoints: readonly string[];
  readonly localDatacenter: string;
  readonly keyspace: string;
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** The certificate authority of the nodes, as PEM text; null for plain connections. */
  readonly tlsCa: string | null;
  /** The certificate that this client shows over TLS, and its private key, as PEM text; null for none. */
  readonly tlsClient: { readonly cert: string; readonly key: string } | null;
  readonly consistency: {
    readonly read: ConsistencyName;
    readonly write: ConsistencyName;
    readonly serial: 'SERIAL' | 'LOCAL_SERIAL';
  };
  readonly maxClockSkewMs: number;
  /** For how many days readers look at an event. */
  readonly eventRetentionDays: number;
  /** For how many days an idempotency key is kept; 0 for ever. */
  readonly keyRetentionDays: number;
  /** Within which every request is answered; attempts on single nodes are given up well before. */
  readonly requestTimeoutMs: number;
}

/** The driver's own number for a consistency. */
export function driverConsistency(name: ConsistencyName | 'SERIAL' | 'LOCAL_SERIAL'): types.consistencies {
  // The driver spells LOCAL_QUORUM localQuorum.
  const key = name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return types.consistencies[key as keyof typeof types.consistencies];
}

/** Within a request's time there is room for an attempt on each of three nodes. */
const ATTEMPTS_PER_REQUEST = 3;

/** A client of the cluster, not yet connected. `keyspace` is null for the migration, which creates it. */
export function makeClient(options: CassandraOptions, keyspace: string | null = options.keyspace): Client {
  const client = new Client(clientOptions(options, keyspace));
  ignoreStaleReconnect(client);
  return client;
}

/** What listens for news of the cluster, of which the driver's types tell nothing. */
interface ControlConnection {
  _refresh(plan?: Iterator<Host>): Promise<void>;
}

/**
 * Keeps the driver from ending the process when the cluster goes while it comes back. A reconnection that had to begin
 * with the contact points listens for the end of its connection before it is done with it. If that comes, a second
 * reconnection begins and takes host and connection away from the first, which then throws, and nobody hears of it,
 * since a timer began it. The second one goes on by itself, so the first may end in silence. (cassandra-driver 4.10.0,
 * `lib/control-connection.js`)
 */
function ignoreStaleReconnect(client: Client): void {
  const { controlConnection } = client as unknown as { controlConnection: ControlConnection };
  const refresh = controlConnection._refresh.bind(controlConnection);
  controlConnection._refresh = (plan) => refresh(plan).catch(() => undefined);
}

/**
 * The driver's order of nodes, and where it has no reason to prefer one, those with the least under way first: one that
 * hangs has the most. Statements are prepared by that order, one node after another, and all who need one wait.
 */
export class LeastBusyFirst extends policies.loadBalancing.DefaultLoadBalancingPolicy {
  #underWay: (host: Host) => number = () => 0;

  override init(client: Client, ...rest: unknown[]): void {
    this.#underWay = (host) => client.getState().getInFlightQueries(host);
    super.init(client, ...(rest as [never, never]));
  }

  override newQueryPlan(
    keyspace: string,
    executionOptions: ExecutionOptions,
    callback: (error: Error, iterator: Iterator<Host>) => void,
  ): void {
    // Of a statement whose partition is known, the driver prefers the replicas, and of these the ones that answer.
    // Despite its type this is null while a statement is prepared.
    const hasPreference = Boolean((executionOptions as ExecutionOptions | null)?.getRoutingKey());
    super.newQueryPlan(keyspace, executionOptions, (error, plan) => {
      callback(error, hasPreference ? plan : this.#sorted(plan));
    });
  }

  #sorted(plan: Iterator<Host>): Iterator<Host> {
    return [...(plan as IterableIterator<Host>)]
      .map((host) => ({ host, underWay: this.#underWay(host) }))
      .sort((a, b) => a.underWay - b.underWay)
      .map(({ host }) => host)
      .values();
  }
}

/** How the driver is to behave. */
export function clientOptions(
  options: CassandraOptions,
  keyspace: string | null = options.keyspace,
): DseClientOptions {
  const { contactPoints, localDatacenter, credentials, tlsCa, tlsClient, requestTimeoutMs } = options;
  const attemptMs = Math.ceil((0.9 * requestTimeoutMs) / ATTEMPTS_PER_REQUEST);
  return {
    contactPoints: [...contactPoints],
    // Nodes tell each other's addresses and not their ports: all are taken to have that of the first.
    protocolOptions: { port: Number(contactPoints[0]?.split(':').at(-1)) },
    localDataCenter: localDatacenter,
    ...(keyspace !== null && { keyspace }),
    ...(credentials !== null && {
      authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password),
    }),
    // The driver would otherwise trust any certificate.
    ...(tlsCa !== null && { sslOptions: { ca: [tlsCa], rejectUnauthorized: true, ...tlsClient } }),
    policies: {
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(250, 5_000, false),
      speculativeExecution: new HedgePolicy(),
      loadBalancing: new LeastBusyFirst(),
    },
    // Preparing a statement would otherwise wait for a node that hangs; each node prepares what it is asked for first.
    prepareOnAllHosts: false,
    // A node that hangs keeps its connections open: only a heartbeat tells.
    pooling: { heartBeatInterval: 5_000 },
    socketOptions: { connectTimeout: attemptMs, readTimeout: attemptMs },
    // Every write names its own time; a default would only hide one that does not.
    queryOptions: { prepare: true, consistency: types.consistencies.localQuorum },
    monitorReporting: { enabled: false },
  };
}

/** What a session over a client of the cluster needs. */
export function sessionOptions(options: CassandraOptions): SessionOptions {
  const { consistency, localDatacenter, requestTimeoutMs } = options;
  return {
    consistency: {
      read: driverConsistency(consistency.read),
      write: driverConsistency(consistency.write),
      serial: driverConsistency(consistency.serial),
    },
    localDatacenter,
    transactionTimeoutMs: requestTimeoutMs / 2,
  };
}

/**
 * What in the configuration makes connecting fail for good, in a sentence for people; null where it may yet work,
 * as when the cluster is not up.
 */
export function configError(error: unknown, options: CassandraOptions): string | null {
  const causes = causesOf(error);
  if (causes.some(isRefusedLogin)) {
    return options.credentials === null
      ? 'Cassandra asks for a user name and a password: set CASSANDRA_USERNAME and CASSANDRA_PASSWORD.'
      : 'Cassandra refuses CASSANDRA_USERNAME with CASSANDRA_PASSWORD.';
  }
  if (options.tlsClient !== null && causes.some(isUnusableKey)) {
    return "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY can't be used: they are damaged, locked or no pair.";
  }
  for (const { message } of causes) {
    const known = /^localDataCenter was configured as .* found hosts in data centers: \[(.*)\]$/.exec(
      message,
    )?.[1];
    if (known !== undefined) {
      return `Cassandra has no datacenter ${options.localDatacenter} (CASSANDRA_LOCAL_DATACENTER); it has ${known}.`;
    }
    if (/^Keyspace '.*' does not exist$/.test(message)) {
      return `Cassandra has no keyspace ${options.keyspace} (CASSANDRA_KEYSPACE): run "npm run migrate".`;
    }
  }
  return null;
}

/** With too few of its nodes up, Cassandra refuses a login because it can't look it up; that passes. */
function isRefusedLogin(error: Error): boolean {
  return (
    error instanceof errors.AuthenticationError &&
    !error.message.startsWith('Unable to perform authentication')
  );
}

/** OpenSSL's errors about PEM text begin like this; those of a handshake begin with ERR_SSL_. */
function isUnusableKey(error: Error): boolean {
  return (error as { code?: unknown }).code?.toString().startsWith('ERR_OSSL_') === true;
}

function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  if (!(error instanceof errors.NoHostAvailableError)) return [error];
  return Object.values((error.innerErrors ?? {}) as Record<string, unknown>).flatMap(causesOf);
}
