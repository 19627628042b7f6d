import { setTimeout as pause } from 'node:timers/promises';
import { errors, types, type Client } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { Hints } from '../../application/ports/hints.ts';
import type { Log } from '../../application/ports/log.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { ReferenceClocks } from '../../application/ports/reference-clocks.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Storage } from '../../application/ports/storage.ts';
import { NOOP_TELEMETRY, type Telemetry } from '../../application/ports/telemetry.ts';
import { latenessLimits } from '../../domain/event.ts';
import { BackgroundRetry, type WithinLimit } from './background-retry.ts';
import { cassandraClocks } from './clock-measurement.ts';
import { configError, makeClient, sessionOptions, type CassandraOptions } from './connect.ts';
import { CassandraConversationRepository } from './conversation-repository.ts';
import { EventLogState, PROPAGATION_MS } from './event-log-state.ts';
import { CassandraEventRepository } from './event-repository.ts';
import { CassandraGroupRepository } from './group-repository.ts';
import { InboxReader } from './inbox.ts';
import { CassandraMessageRepository } from './message-repository.ts';
import { settingErrorsOf, replicationAdvice, settingsByNode } from './node-settings.ts';
import { prepared, prepareStatements } from './prepared-statements.ts';
import { CassandraReadPositionRepository } from './read-position-repository.ts';
import { makeSession, type Row, type Session } from './session.ts';
import { CassandraUserRepository } from './user-repository.ts';

export type { CassandraOptions } from './connect.ts';

/**
 * The schema version that this code needs: the number of the last file in `cql/`. The service works with this version and
 * with later ones, since files in `cql/` only add: so the migration runs before a rolling update, and the previous
 * release can be restored.
 */
export const SCHEMA_VERSION = 12;

/** The applied migrations. */
export const SCHEMA_STATE = prepared(`SELECT version FROM schema_migrations WHERE scope = 'messenger'`);

/** The delay before the next attempt to connect. */
const RECONNECT_MS = 2_000;

/** The timeout of the readiness query: less than the timeout of readiness probes. */
const READINESS_TIMEOUT_MS = 1_500;

/** The interval at which the state of the event log is read again. */
const REFRESH_MS = PROPAGATION_MS / 3;

/** The time that `close` waits for writes in progress. */
const CLOSE_TIMEOUT_MS = 10_000;

/** The messenger's storage in Cassandra. */
export interface CassandraStorage extends Storage {
  /**
   * Resolves once the cluster is connected and has a schema that this code can use; until then every statement is
   * `unavailable`. If waiting won't help, rejects with an `Error` whose message says what to change.
   */
  readonly connected: Promise<void>;

  /** Resolves once writes are possible, too; they are `unavailable` until then. Rejects like `connected`. */
  readonly started: Promise<void>;

  /** The clocks of the nodes that this process is connected to. */
  readonly clocks: ReferenceClocks;

  /** The open connections and the requests in flight, for each connected node. */
  pools(): readonly Pool[];
}

export interface Pool {
  /** `address:port` of the node. */
  readonly node: string;
  readonly connections: number;
  readonly inFlight: number;
}

/** The reason why the service can't start on this cluster. */
class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * Opens storage: returns at once, and retries in the background until the cluster is connected. `close` closes `client`,
 * too; tests of network faults pass their own.
 */
export function openCassandraStorage(deps: {
  options: CassandraOptions;
  clock: Clock;
  messageIds: MessageIds;
  log: Log;
  telemetry?: Telemetry;
  /** Resolves when `clock` is verified; nothing is written before. Without it the clock counts as verified. */
  clockVerified?: () => Promise<void>;
  /** Runs background retries within the concurrency limit; without it they run at once. */
  withinLimit?: WithinLimit;
  /** Gets a hint for each message that is completed in the background; by default there are none. */
  hints?: Pick<Hints, 'publish'>;
  /** The interval at which the state of the event log is read again, in milliseconds. */
  refreshMs?: number;
  client?: Client;
}): CassandraStorage {
  const { options, clock, messageIds, log, telemetry = NOOP_TELEMETRY, client = makeClient(options) } = deps;
  const withinLimit: WithinLimit = deps.withinLimit ?? ((work) => work());
  const { clockVerified = () => Promise.resolve(), hints = { publish: () => undefined } } = deps;
  const { eventRetentionDays, keyRetentionDays } = options;
  const { read } = sessionOptions(options).consistency;
  const closing = new AbortController();
  let open = false;
  /** Whether the clock is verified, and whether the retention of this process is stored: both are required for writes. */
  let verified = false;
  let isRetentionStored = false;

  const session = gateWrites(
    () => isRetentionStored,
    makeSession(client, () => open, sessionOptions(options), telemetry),
  );
  const retry = new BackgroundRetry({ log, withinLimit });
  const eventLog = new EventLogState({ clock, retentionDays: eventRetentionDays });
  // Another process may have changed the retention, or an operator may have restored a backup.
  const refreshing = setInterval(() => {
    void eventLog.refresh(session).catch(() => undefined);
  }, deps.refreshMs ?? REFRESH_MS);
  if (typeof refreshing === 'object') refreshing.unref();

  /** Connects and prepares statements; throws a `StartError` if a retry cannot succeed before an operator changes something. */
  const connect = async (): Promise<void> => {
    await client.connect();
    const rows = await stateOf(client.execute(SCHEMA_STATE, [], { consistency: read, isIdempotent: true }));
    const problem = schemaError(rows);
    if (problem !== null) throw new StartError(problem);
    await prepareStatements(client);
    await eventLog.refresh(makeSession(client, () => true, sessionOptions(options)));
  };

  /** Stores the retention of this process, with the time; so it needs a verified clock. */
  const storeRetention = async (): Promise<void> => {
    await clockVerified();
    verified = true;
    for (;;) {
      if (closing.signal.aborted) throw new StartError('Closed before the clock was verified.');
      try {
        await eventLog.storeRetention(makeSession(client, () => true, sessionOptions(options)));
        isRetentionStored = true;
        return;
      } catch (error) {
        if (!(error instanceof StorageFailure)) throw error;
        log.warn({ err: error }, 'The state of the event log could not be stored; retrying in 2 s');
      }
      await pause(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  /** Logs once the settings of the cluster that should be changed; the service works without these changes. */
  const logSettingAdvice = async (): Promise<void> => {
    const { advice, ...replication } = (await replicationAdvice(client, options)) ?? { advice: null };
    if (advice !== null) log.warn({ keyspace: options.keyspace, ...replication }, advice);
    for (const [node, settings] of await settingsByNode(client)) {
      for (const { setting, value, advice } of settingErrorsOf(settings))
        log.warn({ node, setting, value }, advice);
    }
  };

  const connectWithRetry = async (): Promise<void> => {
    for (;;) {
      try {
        await connect();
        open = true;
        log.info(
          { contactPoints: options.contactPoints, keyspace: options.keyspace },
          'Connected to Cassandra',
        );
        void logSettingAdvice();
        return;
      } catch (error) {
        if (error instanceof StartError) throw error;
        const problem = configError(error, options);
        if (problem !== null) throw new StartError(problem);
        if (closing.signal.aborted) throw new StartError('Closed before Cassandra was connected.');
        const { contactPoints } = options;
        log.warn({ err: error, contactPoints }, 'Cassandra is not reachable yet; retrying in 2 s');
      }
      await pause(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  const connected = connectWithRetry();
  const started = connected.then(storeRetention);
  let startError: string | null = null;
  started.catch((error: unknown) => {
    startError = error instanceof StartError ? error.message : 'Storage could not be started.';
  });

  const limits = latenessLimits(options);
  const shared = { session, clock, messageIds, retry, limits, hints, eventLog, keyRetentionDays };
  const groups = new CassandraGroupRepository(shared);
  const inbox = new InboxReader({ session, groups, eventLog, telemetry });
  return {
    messages: new CassandraMessageRepository(shared),
    conversations: new CassandraConversationRepository({ ...shared, inbox }),
    groups,
    events: new CassandraEventRepository(shared),
    readPositions: new CassandraReadPositionRepository(shared),
    users: new CassandraUserRepository(shared),
    connected,
    started,
    clocks: cassandraClocks(client),

    pools() {
      const state = client.getState();
      return state.getConnectedHosts().map((host) => ({
        node: host.address,
        connections: state.getOpenConnections(host),
        inFlight: state.getInFlightQueries(host),
      }));
    },

    async readinessProblems() {
      if (startError !== null) return [startError];
      if (!open) return ['Cassandra is not connected yet.'];
      const rows = await Promise.race([
        session.read(SCHEMA_STATE, []).catch((error: unknown) => {
          if (error instanceof StorageFailure) return null;
          throw error;
        }),
        pause(READINESS_TIMEOUT_MS, null, { ref: false }),
      ]);
      if (rows === null) return ['Cassandra does not respond at the read consistency level.'];
      const schema = schemaError(rows);
      if (schema !== null) return [schema];
      return verified && !isRetentionStored
        ? ['The state of the event log could not be stored in Cassandra.']
        : [];
    },

    async close() {
      closing.abort();
      clearInterval(refreshing);
      await Promise.race([retry.close(), pause(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
      await client.shutdown();
    },
  };
}

/** The same session; its writes are `unavailable` while `areWritesOpen` returns false. */
function gateWrites(areWritesOpen: () => boolean, session: Session): Session {
  return {
    ...session,
    writes() {
      if (!areWritesOpen()) throw new StorageFailure('unavailable', { cause: new Error('no writes yet') });
      return session.writes();
    },
  };
}

/** Why a schema with these migrations is too old, as a sentence for operators; null if it is not. */
export function schemaError(rows: readonly Row[]): string | null {
  const version = Math.max(0, ...rows.map((row) => (row['version'] as number | null) ?? 0));
  if (version >= SCHEMA_VERSION) return null;
  return `The schema is at version ${version}, and this service needs ${SCHEMA_VERSION}: run "npm run migrate".`;
}

/** Cassandra's error code for a statement on a table that does not exist. */
const INVALID: number = types.responseErrorCodes.invalid;

/** The rows of the schema's state; empty if its table does not exist yet. */
export async function stateOf(result: Promise<types.ResultSet>): Promise<types.Row[]> {
  try {
    return (await result).rows;
  } catch (error) {
    if (error instanceof errors.ResponseError && error.code === INVALID) return [];
    throw error;
  }
}
