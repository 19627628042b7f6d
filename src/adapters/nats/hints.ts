import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Hints } from '../../application/ports/hints.ts';
import type { Log } from '../../application/ports/log.ts';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import type { UserId } from '../../domain/ids.ts';

/** Connection options of the NATS servers. */
export interface NatsOptions {
  /** Each `host:port`. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly credentials: { readonly user: string; readonly password: string } | null;
}

/** Hints that are also sent to other processes. */
export interface NatsHints extends Hints {
  /** Resolves after the first connection to NATS. */
  readonly connected: Promise<void>;
  /** Whether this process is connected to NATS now. A lost connection is noticed after at most 15 seconds. */
  isConnected(): boolean;
  close(): Promise<void>;
}

/** Hints by NATS can't be used. The message is a sentence for the operator. */
export class NatsError extends Error {
  override readonly name = 'NatsError';
}

/** The client gives up a connection after two unanswered pings. Until then, published hints are buffered in memory. */
const PING_INTERVAL_MS = 5_000;
const MAX_PINGS_OUT = 2;

/** The delay before the next attempt, after NATS refused the connection. */
const RECONNECT_MS = 2_000;

/** After this time without a first connection, a warning is logged. */
const SLOW_MS = 5_000;

/**
 * Hints by NATS core, delivered at most once. Each user has a subject, named by a hash of the user id; a process subscribes
 * to it while it has a stream of that user. Returns before the first connection, and retries the connection without end.
 * While there is no connection, hints reach this process only. Loads the NATS package; rejects with a `NatsError` if it is
 * not installed.
 */
export async function openNatsHints(deps: {
  readonly options: NatsOptions;
  /** The prefix that separates this service from others on the same broker: letters, digits and `_`. */
  readonly name: string;
  /** The hints within this process. */
  readonly local: Hints;
  readonly telemetry: Pick<Telemetry, 'hints'>;
  readonly log: Log;
}): Promise<NatsHints> {
  const { options, name, local, telemetry, log } = deps;
  const { servers, tls, credentials } = options;
  const { connect } = await import('@nats-io/transport-node').catch((error: unknown) => {
    throw new NatsError('NATS_URL is set, but the package @nats-io/transport-node is not installed.', {
      cause: error,
    });
  });

  let connection: NatsConnection | null = null;
  let isConnected = false;
  let isClosing = false;
  /** The users with listeners in this process. A subscription is null while there is no connection. */
  const users = new Map<UserId, { listeners: number; subscription: Subscription | null }>();

  const subjectOf = (userId: UserId): string =>
    `messenger.${name}.${createHash('sha256').update(userId).digest('base64url').slice(0, 22)}`;

  const subscribeTo = (userId: UserId): Subscription | null =>
    connection?.subscribe(subjectOf(userId), {
      callback: (error) => {
        if (error !== null) return;
        telemetry.hints(1, 'received');
        local.publish([userId]);
      },
    }) ?? null;

  const watch = async (opened: NatsConnection): Promise<void> => {
    /** The errors that were logged since the last connection: without permissions, each subscription causes one. */
    const logged = new Set<string>();
    for await (const status of opened.status()) {
      if (status.type === 'disconnect') {
        isConnected = false;
        log.warn({ servers }, 'NATS connection lost: events of other processes arrive with a delay');
      } else if (status.type === 'reconnect') {
        isConnected = true;
        logged.clear();
        log.info({ servers }, 'NATS connection restored');
      } else if (status.type === 'error') {
        // The message may contain a subject, which is a hash of a user id.
        const reason = status.error.name;
        if (logged.has(reason)) continue;
        logged.add(reason);
        log.warn({ servers, reason }, 'NATS refuses hints: events of other processes arrive with a delay');
      }
    }
  };

  const connectOnce = async (): Promise<void> => {
    const slow = setTimeout(() => {
      log.warn({ servers }, 'NATS is not connected yet: events of other processes arrive with a delay');
    }, SLOW_MS);
    for (;;) {
      try {
        const opened = await connect({
          servers: [...servers],
          ...(tls && { tls: {} }),
          ...(credentials !== null && { user: credentials.user, pass: credentials.password }),
          name: 'cassandra-messenger',
          // Local listeners get the hints of this process directly.
          noEcho: true,
          waitOnFirstConnect: true,
          maxReconnectAttempts: -1,
          // Otherwise the client would give up forever after two refused passwords, as while a password is changed.
          ignoreAuthErrorAbort: true,
          pingInterval: PING_INTERVAL_MS,
          maxPingOut: MAX_PINGS_OUT,
        });
        clearTimeout(slow);
        if (isClosing) {
          await opened.close();
          return;
        }
        connection = opened;
        isConnected = true;
        for (const [userId, entry] of users) entry.subscription = subscribeTo(userId);
        void watch(opened);
        log.info({ servers }, 'Connected to NATS');
        return;
      } catch (error) {
        if (isClosing) return;
        log.warn({ err: error, servers }, 'NATS refused the connection; trying again in 2 s');
        await pause(RECONNECT_MS);
      }
    }
  };

  return {
    connected: connectOnce(),
    isConnected: () => isConnected,

    publish(userIds) {
      local.publish(userIds);
      const distinct = new Set(userIds);
      if (connection === null || !isConnected) {
        telemetry.hints(distinct.size, 'lost');
        return;
      }
      try {
        for (const userId of distinct) connection.publish(subjectOf(userId));
        telemetry.hints(distinct.size, 'sent');
      } catch {
        // The connection was closed in the meantime.
        telemetry.hints(distinct.size, 'lost');
      }
    },

    subscribe(userId, listener) {
      const end = local.subscribe(userId, listener);
      let entry = users.get(userId);
      if (entry === undefined) {
        entry = { listeners: 0, subscription: subscribeTo(userId) };
        users.set(userId, entry);
      }
      entry.listeners += 1;
      const own = entry;
      return () => {
        end();
        own.listeners -= 1;
        if (own.listeners > 0) return;
        users.delete(userId);
        own.subscription?.unsubscribe();
      };
    },

    async close() {
      isClosing = true;
      isConnected = false;
      await connection?.close();
    },
  };
}
