import { openCassandraStorage, type Pool } from '../adapters/cassandra/storage.ts';
import { EventStreams, STREAM_LIMITS } from '../adapters/http/event-streams.ts';
import type { Peer } from '../adapters/http/middleware/rate-limit.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import type { ReadAsset } from '../adapters/http/static-file.ts';
import { makeMemoryHints } from '../adapters/memory/hints.ts';
import { makeMemoryStorage } from '../adapters/memory/storage.ts';
import { ClockVerifier } from '../adapters/system/clock-verifier.ts';
import { makeClock, type TimeSources } from '../adapters/system/clock.ts';
import { lingeringClose } from '../adapters/servers/lingering-close.ts';
import { makeMessageIds } from '../adapters/system/message-ids.ts';
import { makePseudonymize } from '../adapters/system/pseudonymize.ts';
import { VerifiedClock } from '../adapters/system/verified-clock.ts';
import type { ConcurrencyState } from '../application/concurrency-limiter.ts';
import { Overload } from '../application/overload.ts';
import { POLL_INTERVAL_MS } from '../application/follow-events.ts';
import type { Build } from '../application/ports/build.ts';
import { ALWAYS_VERIFIED, type ClockCheck } from '../application/ports/clock-check.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Hints } from '../application/ports/hints.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { Storage } from '../application/ports/storage.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import { visibilityWindow } from '../domain/event.ts';
import type { Config } from './config.ts';
import { buildContainer } from './container.ts';
import { memoryOptionsOf } from './memory-options.ts';
import { openAccessPolicy } from './access-config.ts';

/** Writes data to an empty storage. */
export type FillStorage = (storage: Storage) => Promise<void>;

/** The messenger with its own storage, for a host to serve. */
export interface Messenger {
  readonly fetch: (request: Request, peer?: Peer) => Response | Promise<Response>;
  /** Resolves once storage is ready; if waiting won't help, rejects with an `Error` whose message is for operators. */
  readonly started: Promise<void>;
  /** The reasons why it can't serve now, as sentences; empty if it is ready. */
  readonly readinessProblems: () => Promise<readonly string[]>;
  /** The state of the concurrency limit. */
  readonly concurrencyLimiter: () => ConcurrencyState;
  /** The open connections and the requests in flight, for each node of storage. */
  readonly pools: () => readonly Pool[];
  /** The open event streams and waiting polls, and their limit. */
  readonly eventConnections: () => { readonly open: number; readonly limit: number };
  /** The state of this host's clock; null if it is not compared with other clocks. */
  readonly clockState: (() => ClockState) | null;
  /** Ends all streams and waiting polls, also those opened later: their clients resume at another process. */
  readonly endStreams: () => void;
  /** Waits a bounded time for writes in progress and closes storage. */
  readonly close: () => Promise<void>;
}

/** The state of this host's clock, compared with the clocks of the storage nodes. */
export interface ClockState {
  readonly verified: boolean;
  /** The nodes' time minus this host's time, in seconds; null before the first measurement. */
  readonly offsetSeconds: number | null;
}

/** A storage with the clock for its ids. */
interface Backend extends Pick<Messenger, 'started' | 'pools' | 'clockState' | 'close'> {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  readonly clockCheck: ClockCheck;
  readonly readinessProblems: () => Promise<readonly string[]>;
}

/** Opens the storage that `config` selects and wires the messenger. Returns at once. */
export function openMessenger(deps: {
  readonly config: Config;
  readonly time: TimeSources;
  /** How long a measured clock counts as verified, if the monotonic time source does not show the age of the measurement. */
  readonly clockValidForMs?: number;
  readonly telemetry: Telemetry;
  readonly tracing: Tracing | null;
  /** The metrics served at /metrics; null if the app has no such path. */
  readonly metrics: MetricsText | null;
  readonly log: Log;
  readonly build: Build;
  readonly docsAssets: ReadAsset;
  /** Reads a file of the built web client; null on hosts without one. */
  readonly webAssets: ReadAsset | null;
  /** Fills memory storage before the service is ready. */
  readonly fillMemory?: FillStorage;
  /** Whether the service is draining requests and should get no new ones. */
  readonly isStopping: () => boolean;
  /** Hints between processes; by default within this process only. */
  readonly hints?: Hints;
  /** The interval at which streams and waiting polls read the log without a hint, in milliseconds. */
  readonly pollIntervalMs?: number;
}): Messenger {
  const { config, telemetry, tracing, metrics, log, build, docsAssets, webAssets, isStopping } = deps;
  const { hints = makeMemoryHints(), pollIntervalMs = POLL_INTERVAL_MS } = deps;
  const streams = new EventStreams({
    ...STREAM_LIMITS,
    streams: config.maxStreams,
    streamsPerUser: config.maxStreamsPerUser,
  });
  const backend =
    config.storage === 'cassandra'
      ? openCassandra({
          ...deps,
          hints,
          runWithinLimit: (work) => resolve('concurrencyLimiter').runInBackground(work),
        })
      : openMemory(deps);
  const { storage, clock, messageIds, clockCheck } = backend;
  const { resolve } = buildContainer({
    storage: {
      ...storage,
      readinessProblems: async () =>
        isStopping() ? ['The service is stopping.'] : backend.readinessProblems(),
    },
    clock,
    clockCheck,
    messageIds,
    telemetry,
    tracing,
    metrics,
    log,
    pseudonymize: config.pseudonymKey === null ? null : makePseudonymize(config.pseudonymKey),
    build,
    docsAssets,
    webAssets: config.webClient ? webAssets : null,
    publicPath: config.publicPath,
    accessPolicy: openAccessPolicy({ options: config.accessPolicy, clock, log }),
    hints,
    pollIntervalMs,
    visibilityWindow: visibilityWindow({
      requestTimeout: config.requestTimeoutMs * 1_000,
      maxClockSkew: config.cassandra.maxClockSkewMs * 1_000,
    }),
    streams,
    requestTimeoutMs: config.requestTimeoutMs,
    maxRequestsInFlight: config.maxRequestsInFlight,
  });
  const app = resolve('app');
  return {
    fetch: lingeringClose((request, peer) => app.fetch(request, peer)),
    started: backend.started,
    readinessProblems: () => resolve('readinessProblems')(),
    concurrencyLimiter: () => resolve('concurrencyLimiter').state(),
    pools: backend.pools,
    eventConnections: () => ({ open: streams.size, limit: streams.limit }),
    clockState: backend.clockState,
    endStreams: () => {
      streams.endAll();
    },
    close: backend.close,
  };
}

/** Storage in memory: this host's clock is the only one, and counts as verified. */
function openMemory(deps: {
  readonly config: Config;
  readonly time: TimeSources;
  readonly log: Log;
  readonly fillMemory?: FillStorage;
}): Backend {
  const { config, time, log, fillMemory } = deps;
  log.warn(
    {},
    'Storage is in memory: all data are lost when this process ends. STORAGE=cassandra keeps them.',
  );
  const clock = makeClock(time);
  const options = memoryOptionsOf(config);
  const messageIds = makeMessageIds({ clock, maxClockSkew: options.limits.maxClockSkew });
  const storage = makeMemoryStorage({ clock, messageIds, ...options });
  return {
    storage,
    clock,
    messageIds,
    clockCheck: ALWAYS_VERIFIED,
    started: Promise.resolve(fillMemory?.(storage)),
    readinessProblems: () => storage.readinessProblems(),
    pools: () => [],
    clockState: null,
    close: () => storage.close(),
  };
}

/** Storage in Cassandra, with a clock that is compared with the clocks of its nodes. */
function openCassandra(deps: {
  readonly config: Config;
  readonly time: TimeSources;
  readonly clockValidForMs?: number;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly hints: Hints;
  readonly runWithinLimit: (work: () => Promise<void>) => Promise<void>;
}): Backend {
  const { config, time, clockValidForMs, log, telemetry, hints, runWithinLimit } = deps;
  const { maxClockSkewMs: maxSkewMs, requestTimeoutMs } = config.cassandra;
  const clock = new VerifiedClock({
    sources: time,
    maxSkewMs,
    ...(clockValidForMs !== undefined && { validForMs: clockValidForMs }),
  });
  const verifier = new ClockVerifier({ clock, log, maxSkewMs, requestTimeoutMs });
  const messageIds = makeMessageIds({ clock, maxClockSkew: maxSkewMs * 1_000 });
  const storage = openCassandraStorage({
    options: config.cassandra,
    clock,
    messageIds,
    log,
    telemetry,
    hints,
    clockVerified: () => verifier.firstVerified,
    withinLimit: async (work) => {
      // A retry may have to make the id of a late event. Without a verified clock it waits as with a full limit.
      await verifier.verified().catch(() => Promise.reject(new Overload()));
      await runWithinLimit(work);
    },
  });
  let connected = false;
  void storage.connected.then(
    () => {
      connected = true;
      verifier.start(storage.clocks);
    },
    // `started` rejects, too.
    () => undefined,
  );
  return {
    storage,
    clock,
    messageIds,
    // Before it is connected, storage itself refuses writes, and it allows them only with a verified clock.
    clockCheck: { verified: async () => (connected ? verifier.verified() : undefined) },
    started: storage.started,
    async readinessProblems() {
      const problem = connected ? clock.problem() : null;
      return [...(await storage.readinessProblems()), ...(problem === null ? [] : [problem])];
    },
    pools: () => storage.pools(),
    clockState: () => {
      const { offsetMs } = clock;
      return { verified: clock.isVerified(), offsetSeconds: offsetMs === null ? null : offsetMs / 1_000 };
    },
    async close() {
      verifier.stop();
      await storage.close();
    },
  };
}
