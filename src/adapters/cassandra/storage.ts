import { setTimeout as pause } from 'node:timers/promises';
import { errors, types, type Client } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Storage } from '../../application/ports/storage.ts';
import { UNWATCHED, type Telemetry } from '../../application/ports/telemetry.ts';
import { configurationFlaw, makeClient, sessionOptions, type CassandraOptions } from './connect.ts';
import { CassandraConversationRepository } from './conversation-repository.ts';
import { Mending } from './mending.ts';
import { CassandraMessageRepository } from './message-repository.ts';
import { flawsOf, settingsByNode } from './node-settings.ts';
import { Notes } from './notes.ts';
import { SCHEMA_STATE, schemaFlaw } from './schema.ts';
import { makeSession } from './session.ts';
import { CassandraUserRepository } from './user-repository.ts';

export type { CassandraOptions } from './connect.ts';

/** How long to wait before a cluster that was not there is asked again. */
const RECONNECT_MS = 2_000;

/** How long readiness waits for an answer: less than those who probe it do. */
const READY_WITHIN_MS = 1_500;

/** How long closing waits for writes in progress. */
const CLOSE_WITHIN_MS = 10_000;

/** The messenger's storage in Cassandra. */
export interface CassandraStorage extends Storage {
  /**
   * Resolves once the cluster was reached and holds the schema that this code knows; until then everything is
   * `unavailable`. Rejects with an `Error` whose message tells people what to change, where waiting won't help.
   */
  readonly started: Promise<void>;

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
export function openCassandraStorage(needs: {
  options: CassandraOptions;
  clock: Clock;
  log: Log;
  telemetry?: Telemetry;
  client?: Client;
}): CassandraStorage {
  const { options, clock, log, telemetry = UNWATCHED, client = makeClient(options) } = needs;
  const { read } = sessionOptions(options).consistency;
  const closing = new AbortController();
  let open = false;

  const session = makeSession(client, () => open, sessionOptions(options), telemetry);
  const mending = new Mending({ log });

  /** Connects and looks at the schema; throws where something has to be changed before that can succeed. */
  const connect = async (): Promise<void> => {
    await client.connect();
    const rows = await stateOf(client.execute(SCHEMA_STATE, [], { consistency: read, isIdempotent: true }));
    const flaw = schemaFlaw(rows);
    if (flaw !== null) throw new StartError(flaw);
  };

  /** Tells, once, which nodes should be configured otherwise; the service serves on them as they are. */
  const adviseOnSettings = async (): Promise<void> => {
    for (const [node, settings] of await settingsByNode(client)) {
      for (const { setting, value, advice } of flawsOf(settings)) log.warn({ node, setting, value }, advice);
    }
  };

  const start = async (): Promise<void> => {
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
        const flaw = configurationFlaw(error, options);
        if (flaw !== null) throw new StartError(flaw);
        if (closing.signal.aborted) throw new StartError('Closed before Cassandra was there.');
        const { contactPoints } = options;
        log.warn({ err: error, contactPoints }, 'Cassandra is not there yet; trying again in 2 s');
      }
      await pause(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  const started = start();
  let startError: string | null = null;
  started.catch((error: unknown) => {
    startError = error instanceof StartError ? error.message : 'Storage could not be started.';
  });

  return {
    messages: new CassandraMessageRepository({ session, clock, notes: new Notes(), mending }),
    conversations: new CassandraConversationRepository({ session, telemetry }),
    users: new CassandraUserRepository({ session }),
    started,

    pools() {
      const state = client.getState();
      return state.getConnectedHosts().map((host) => ({
        node: host.address,
        connections: state.getOpenConnections(host),
        inFlight: state.getInFlightQueries(host),
      }));
    },

    async missing() {
      if (startError !== null) return [startError];
      if (!open) return ['Cassandra is not reached yet.'];
      const asked = clock.now() / 1000;
      const rows = await Promise.race([
        session.read(SCHEMA_STATE, []).catch((error: unknown) => {
          if (error instanceof StorageFailure) return null;
          throw error;
        }),
        pause(READY_WITHIN_MS, null, { ref: false }),
      ]);
      if (rows === null) return ['Cassandra does not answer at the consistency of reads.'];
      const answered = clock.now() / 1000;
      const schema = schemaFlaw(rows);
      if (schema !== null) return [schema];
      const serverTime = (rows[0]?.['server_time'] as Date).getTime();
      const skew = Math.max(asked - serverTime, serverTime - answered, 0);
      return skew > options.maxClockSkewMs
        ? [`The clock of this host differs from Cassandra's by ${Math.round(skew)} ms.`]
        : [];
    },

    async close() {
      closing.abort();
      await Promise.race([mending.close(), pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
      await client.shutdown();
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
