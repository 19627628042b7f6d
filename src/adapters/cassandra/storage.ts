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
import { EventLogState } from './event-log-state.ts';
import { CassandraEventRepository } from './event-repository.ts';
import { InboxReader } from './inbox.ts';
import { CassandraMessageRepository } from './message-repository.ts';
import { flawsOf, replicationAdvice, settingsByNode } from './node-settings.ts';
import { prepareStatements } from './prepared-statements.ts';
import { CassandraReadPositionRepository } from './read-position-repository.ts';
import { SCHEMA_STATE, schemaError } from './schema.ts';
import { makeSession, type Session } from './session.ts';
import { CassandraUserRepository } from './user-repository.ts';

export type { CassandraOptions } from './connect.ts';

/** How long to wait before a cluster that was not there is asked again. */
const RECONNECT_MS = 2_000;

/** How long readiness waits for an answer: less than those who probe it do. */
const READY_WITHIN_MS = 1_500;

/** How often the state of the event log is read again. */
const REFRESH_MS = 30_000;

/** How long closing waits for writes in progress. */
const CLOSE_WITHIN_MS = 10_000;

/** The messenger's storage in Cassandra. */
export interface CassandraStorage extends Storage {
  /**
   * Resolves once the cluster was reached and holds the schema that this code knows; until then everything is
   * `unavailable`. Rejects with an `Error` whose message tells people what to change, where waiting won't help.
   */
  readonly connected: Promise<void>;

  /** Resolves once it also takes writes, which are `unavailable` until then. Rejects as `connected` does. */
  readonly started: Promise<void>;

  /** The clocks of the nodes that this process is connected to. */
  readonly clocks: ReferenceClocks;

  /** How much this process has open to each node that it is connected to, and under way. */
  pools(): readonly Pool[];
}

export interface Pool {
  /** `address:port` of the node. */
  readonly node: string;
  readonly connections: number;
  readonly inFlight: number;
}

/** Why a service can't start on this cluster. */
class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * Opens storage: returns at once, and goes on connecting until the cluster is there. Closes `client` with itself;
 * another one than that of `options` is for tests of what a network may do.
 */
export function openCassandraStorage(deps: {
  options: CassandraOptions;
  clock: Clock;
  messageIds: MessageIds;
  log: Log;
  telemetry?: Telemetry;
  /** Resolves when `clock` has been verified; nothing is written before. Without it the clock counts as verified. */
  clockVerified?: () => Promise<void>;
  /** How background retries pass the concurrency limit; without it they pass at once. */
  withinLimit?: WithinLimit;
  /** Told of messages that are completed in the background; without it nobody is. */
  hints?: Pick<Hints, 'publish'>;
  /** How often the state of the event log is read again, in milliseconds. */
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
  /** Whether the clock is verified, and whether the event log knows this process's retention: only then are there writes. */
  let verified = false;
  let announced = false;

  const session = withWritesFrom(
    () => announced,
    makeSession(client, () => open, sessionOptions(options), telemetry),
  );
  const retry = new BackgroundRetry({ log, withinLimit });
  const eventLog = new EventLogState({ clock, retentionDays: eventRetentionDays });
  // Another process may have changed the retention, or an operator may have restored a backup.
  const refreshing = setInterval(() => {
    void eventLog.refresh(session).catch(() => undefined);
  }, deps.refreshMs ?? REFRESH_MS);
  if (typeof refreshing === 'object') refreshing.unref();

  /** Connects, and makes ready; throws a `StartError` where something has to be changed before that can succeed. */
  const connect = async (): Promise<void> => {
    await client.connect();
    const rows = await stateOf(client.execute(SCHEMA_STATE, [], { consistency: read, isIdempotent: true }));
    const flaw = schemaError(rows);
    if (flaw !== null) throw new StartError(flaw);
    await prepareStatements(client);
    await eventLog.refresh(makeSession(client, () => true, sessionOptions(options)));
  };

  /** Makes this process's retention known, which stores the time. */
  const announce = async (): Promise<void> => {
    await clockVerified();
    verified = true;
    for (;;) {
      if (closing.signal.aborted) throw new StartError('Closed before the clock was verified.');
      try {
        await eventLog.announce(makeSession(client, () => true, sessionOptions(options)));
        announced = true;
        return;
      } catch (error) {
        if (!(error instanceof StorageFailure)) throw error;
        log.warn({ err: error }, 'The state of the event log could not be stored; trying again in 2 s');
      }
      await pause(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  /** Tells, once, what should be configured otherwise; the service serves as it is. */
  const adviseOnSettings = async (): Promise<void> => {
    const { advice, ...replication } = (await replicationAdvice(client, options)) ?? { advice: null };
    if (advice !== null) log.warn({ keyspace: options.keyspace, ...replication }, advice);
    for (const [node, settings] of await settingsByNode(client)) {
      for (const { setting, value, advice } of flawsOf(settings)) log.warn({ node, setting, value }, advice);
    }
  };

  const reach = async (): Promise<void> => {
    for (;;) {
      try {
        await connect();
        open = true;
        log.info(
          { contactPoints: options.contactPoints, keyspace: options.keyspace },
          'connected to Cassandra',
        );
        void adviseOnSettings();
        return;
      } catch (error) {
        if (error instanceof StartError) throw error;
        const flaw = configError(error, options);
        if (flaw !== null) throw new StartError(flaw);
        if (closing.signal.aborted) throw new StartError('Closed before Cassandra was there.');
        const { contactPoints } = options;
        log.warn({ err: error, contactPoints }, 'Cassandra is not there yet; trying again in 2 s');
      }
      await pause(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  const connected = reach();
  const started = connected.then(announce);
  let startError: string | null = null;
  started.catch((error: unknown) => {
    startError = error instanceof StartError ? error.message : 'Storage could not be started.';
  });

  return {
    messages: new CassandraMessageRepository({
      session,
      clock,
      messageIds,
      retry,
      limits: latenessLimits(options),
      hints,
      eventLog,
      keyRetentionDays,
    }),
    conversations: new CassandraConversationRepository({
      session,
      clock,
      messageIds,
      retry,
      limits: latenessLimits(options),
      inbox: new InboxReader({ session, eventLog, telemetry }),
      eventLog,
    }),
    events: new CassandraEventRepository({ session, eventLog }),
    readPositions: new CassandraReadPositionRepository({
      session,
      clock,
      messageIds,
      limits: latenessLimits(options),
      eventLog,
    }),
    users: new CassandraUserRepository({ session }),
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
      if (!open) return ['Cassandra is not reached yet.'];
      const rows = await Promise.race([
        session.read(SCHEMA_STATE, []).catch((error: unknown) => {
          if (error instanceof StorageFailure) return null;
          throw error;
        }),
        pause(READY_WITHIN_MS, null, { ref: false }),
      ]);
      if (rows === null) return ['Cassandra does not answer at the consistency of reads.'];
      const schema = schemaError(rows);
      if (schema !== null) return [schema];
      return verified && !announced ? ['Cassandra does not store the state of the event log.'] : [];
    },

    async close() {
      closing.abort();
      clearInterval(refreshing);
      await Promise.race([retry.close(), pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
      await client.shutdown();
    },
  };
}

/** The same session, whose writes are `unavailable` until `areWritesOpen` says otherwise. */
function withWritesFrom(areWritesOpen: () => boolean, session: Session): Session {
  return {
    ...session,
    writes() {
      if (!areWritesOpen()) throw new StorageFailure('unavailable', { cause: new Error('no writes yet') });
      return session.writes();
    },
  };
}

/** How Cassandra calls a statement on a table that is not there. */
const INVALID: number = types.responseErrorCodes.invalid;

/** The rows of the schema's state; none where its table has not been made yet. */
export async function stateOf(answer: Promise<types.ResultSet>): Promise<types.Row[]> {
  try {
    return (await answer).rows;
  } catch (error) {
    if (error instanceof errors.ResponseError && error.code === INVALID) return [];
    throw error;
  }
}
