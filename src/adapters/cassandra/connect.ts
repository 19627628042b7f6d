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

/** The options of a connection to a cluster. */
export interface CassandraOptions {
  /** `address:port` of some nodes. Other nodes are discovered; they must use the port of the first one. */
  readonly contactPoints: readonly string[];
  readonly localDatacenter: string;
  readonly keyspace: string;
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** The CA certificate of the nodes, as PEM text; null for connections without TLS. */
  readonly tlsCa: string | null;
  /** The TLS client certificate and its private key, as PEM text; null for none. */
  readonly tlsClient: { readonly cert: string; readonly key: string } | null;
  readonly consistency: {
    readonly read: ConsistencyName;
    readonly write: ConsistencyName;
    readonly serial: 'SERIAL' | 'LOCAL_SERIAL';
  };
  readonly maxClockSkewMs: number;
  /** Days for which events are listed. */
  readonly eventRetentionDays: number;
  /** Days for which an idempotency key is kept; 0 means forever. */
  readonly keyRetentionDays: number;
  /** The time limit of a request; attempts on single nodes time out well before. */
  readonly requestTimeoutMs: number;
}

/** The driver's number for a consistency level. */
export function driverConsistency(name: ConsistencyName | 'SERIAL' | 'LOCAL_SERIAL'): types.consistencies {
  // The driver spells LOCAL_QUORUM localQuorum.
  const key = name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return types.consistencies[key as keyof typeof types.consistencies];
}

/** The share of the request timeout that its statements may use. */
const SHARE_FOR_STATEMENTS = 0.9;

/** That time is enough for one attempt on each of three nodes. */
const ATTEMPTS_PER_REQUEST = 3;

/** A client of the cluster, not connected yet. `keyspace` is null for the migration, which creates the keyspace. */
export function makeClient(options: CassandraOptions, keyspace: string | null = options.keyspace): Client {
  const client = new Client(clientOptions(options, keyspace));
  ignoreStaleReconnect(client);
  return client;
}

/** The driver's connection for cluster events, which its types omit. */
interface ControlConnection {
  _refresh(plan?: Iterator<Host>): Promise<void>;
}

/**
 * Prevents the driver from ending the process when the cluster fails again during a reconnection. A reconnection that
 * starts from the contact points listens for the end of its connection before it has finished. If the connection ends
 * then, a second reconnection starts and clears the host and the connection of the first one, which throws. That is an
 * unhandled rejection, since a timer started it. The second reconnection continues, so the error of the first one can be
 * ignored. (cassandra-driver 4.10.0, `lib/control-connection.js`)
 */
function ignoreStaleReconnect(client: Client): void {
  const { controlConnection } = client as unknown as { controlConnection: ControlConnection };
  const refresh = controlConnection._refresh.bind(controlConnection);
  controlConnection._refresh = (plan) => refresh(plan).catch(() => undefined);
}

/**
 * The driver's order of nodes; if it prefers none, the nodes with the fewest requests in flight come first: a node that
 * hangs has the most. The driver prepares statements in this order, one node after another, and requests wait for it.
 */
export class LeastBusyFirst extends policies.loadBalancing.DefaultLoadBalancingPolicy {
  #inFlight: (host: Host) => number = () => 0;

  override init(client: Client, ...rest: unknown[]): void {
    this.#inFlight = (host) => client.getState().getInFlightQueries(host);
    super.init(client, ...(rest as [never, never]));
  }

  override newQueryPlan(
    keyspace: string,
    executionOptions: ExecutionOptions,
    callback: (error: Error, iterator: Iterator<Host>) => void,
  ): void {
    // For a statement with a known partition, the driver prefers the replicas, and of these the ones that respond.
    // Despite its type, `executionOptions` is null while a statement is prepared.
    const hasPreference = Boolean((executionOptions as ExecutionOptions | null)?.getRoutingKey());
    super.newQueryPlan(keyspace, executionOptions, (error, plan) => {
      callback(error, hasPreference ? plan : this.#sorted(plan));
    });
  }

  #sorted(plan: Iterator<Host>): Iterator<Host> {
    return [...(plan as IterableIterator<Host>)]
      .map((host) => ({ host, inFlight: this.#inFlight(host) }))
      .sort((a, b) => a.inFlight - b.inFlight)
      .map(({ host }) => host)
      .values();
  }
}

/** The options of the driver. */
export function clientOptions(
  options: CassandraOptions,
  keyspace: string | null = options.keyspace,
): DseClientOptions {
  const { contactPoints, localDatacenter, credentials, tlsCa, tlsClient, requestTimeoutMs } = options;
  const attemptMs = Math.ceil((SHARE_FOR_STATEMENTS * requestTimeoutMs) / ATTEMPTS_PER_REQUEST);
  return {
    contactPoints: [...contactPoints],
    // Nodes report each other's addresses without ports: all are assumed to have the port of the first.
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
    // Otherwise preparing a statement would wait for a node that hangs. Each node prepares a statement when it first gets it.
    prepareOnAllHosts: false,
    // A node that hangs keeps its connections open: only a heartbeat detects it.
    pooling: { heartBeatInterval: 5_000 },
    socketOptions: { connectTimeout: attemptMs, readTimeout: attemptMs },
    // No default for write timestamps: every write sets its own, and a default would hide a missing one.
    queryOptions: { prepare: true, consistency: types.consistencies.localQuorum },
    monitorReporting: { enabled: false },
  };
}

/** The options of a session over a client of the cluster. */
export function sessionOptions(options: CassandraOptions): SessionOptions {
  const { consistency, localDatacenter, requestTimeoutMs } = options;
  return {
    consistency: {
      read: driverConsistency(consistency.read),
      write: driverConsistency(consistency.write),
      serial: driverConsistency(consistency.serial),
    },
    localDatacenter,
    readTimeoutMs: Math.ceil(SHARE_FOR_STATEMENTS * requestTimeoutMs),
    transactionTimeoutMs: requestTimeoutMs / 2,
  };
}

/**
 * The configuration error that makes connecting fail permanently, as a sentence for operators; null if a retry may work,
 * for example because the cluster is not up.
 */
export function configError(error: unknown, options: CassandraOptions): string | null {
  const causes = causesOf(error);
  if (causes.some(isRefusedLogin)) {
    return options.credentials === null
      ? 'Cassandra requires a login: set CASSANDRA_USERNAME and CASSANDRA_PASSWORD.'
      : 'Cassandra rejected the login with CASSANDRA_USERNAME and CASSANDRA_PASSWORD.';
  }
  if (options.tlsClient !== null && causes.some(isUnusableKey)) {
    return "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY can't be used: they are damaged, encrypted or do not match.";
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

/** Cassandra also rejects a login that it can't look up because too few nodes are up; that error is temporary. */
function isRefusedLogin(error: Error): boolean {
  return (
    error instanceof errors.AuthenticationError &&
    !error.message.startsWith('Unable to perform authentication')
  );
}

/** Codes of OpenSSL's errors about PEM text start with ERR_OSSL_; those of a handshake start with ERR_SSL_. */
function isUnusableKey(error: Error): boolean {
  return (error as { code?: unknown }).code?.toString().startsWith('ERR_OSSL_') === true;
}

function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  if (!(error instanceof errors.NoHostAvailableError)) return [error];
  return Object.values((error.innerErrors ?? {}) as Record<string, unknown>).flatMap(causesOf);
}
