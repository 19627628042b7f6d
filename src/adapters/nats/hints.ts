import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Hints } from '../../application/ports/hints.ts';
import type { Log } from '../../application/ports/log.ts';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import type { UserId } from '../../domain/ids.ts';

/** How to reach the broker. */
export interface NatsOptions {
  /** Each `host:port`. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly credentials: { readonly user: string; readonly password: string } | null;
}

/** Hints that go to other processes as well. */
export interface NatsHints extends Hints {
  /** Resolves when the broker was reached for the first time. */
  readonly connected: Promise<void>;
  close(): Promise<void>;
}

/** Why there can be no hints by NATS here, in a sentence for people. */
export class NatsError extends Error {
  override readonly name = 'NatsError';
}

/** A broker that hangs is left after two pings without an answer. Until then, what is published waits in memory. */
const PING_INTERVAL_MS = 5_000;
const MAX_PINGS_OUT = 2;

/** How long to wait before a broker that refused is asked again. */
const RECONNECT_MS = 2_000;

/** After this time without a connection the log says so. */
const SLOW_MS = 5_000;

/**
 * Hints by NATS core, at most once: a subject for each user, named by a hash, to which a process subscribes while it has
 * a stream of that user. Returns before the broker is reached, and connects to it for ever; while there is no connection,
 * hints reach this process alone. Loads the package; rejects with a `NatsError` where that can't be had.
 */
export async function openNatsHints(deps: {
  readonly options: NatsOptions;
  /** Tells this service apart from others on the same broker: letters, digits and `_`. */
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
  /** What this process listens to: with how many listeners, and the subscription where there is a connection. */
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
    for await (const { type } of opened.status()) {
      if (type === 'disconnect') {
        isConnected = false;
        log.warn({ servers }, 'NATS is lost: events of other processes arrive with a delay');
      } else if (type === 'reconnect') {
        isConnected = true;
        log.info({ servers }, 'NATS is back');
      }
    }
  };

  const connectOnce = async (): Promise<void> => {
    const slow = setTimeout(() => {
      log.warn({ servers }, 'NATS is not reached yet: events of other processes arrive with a delay');
    }, SLOW_MS);
    for (;;) {
      try {
        const opened = await connect({
          servers: [...servers],
          ...(tls && { tls: {} }),
          ...(credentials !== null && { user: credentials.user, pass: credentials.password }),
          name: 'cassandra-messenger',
          // What this process publishes it has told itself already.
          noEcho: true,
          waitOnFirstConnect: true,
          maxReconnectAttempts: -1,
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
        log.info({ servers }, 'connected to NATS');
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
        // It was closed in this instant.
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
