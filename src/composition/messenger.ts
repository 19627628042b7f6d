import { openCassandraStorage, type Pool } from '../adapters/cassandra/storage.ts';
import type { Peer } from '../adapters/http/asker.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import { makeMemoryStorage } from '../adapters/memory/storage.ts';
import { lingering } from '../adapters/system/lingering.ts';
import { makeMessageIds } from '../adapters/system/message-ids.ts';
import { hashedUserNames } from '../adapters/system/user-names.ts';
import type { AdmissionState } from '../application/admission.ts';
import type { Build } from '../application/ports/build.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import type { Config } from './config.ts';
import { buildContainer } from './container.ts';
import { openGate } from './gate.ts';
import { TOKENS } from './tokens.ts';

/** The messenger over a storage of its own, for a host to serve. */
export interface Messenger {
  readonly fetch: (request: Request, peer?: Peer) => Response | Promise<Response>;
  /** Resolves once storage is there; rejects with a sentence for people where waiting won't help. */
  readonly started: Promise<void>;
  /** What keeps it from serving, a sentence each. */
  readonly missing: () => Promise<readonly string[]>;
  /** How full it is, and what is open to each node of storage. */
  readonly admission: () => AdmissionState;
  readonly pools: () => readonly Pool[];
  /** Lets writes in progress finish, within a bounded time, and closes storage. */
  readonly close: () => Promise<void>;
}

/** Opens the storage that `config` names and puts the messenger together over it. Returns at once. */
export function openMessenger(needs: {
  readonly config: Config;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly tracing: Tracing | null;
  /** What is given at /metrics; null where there is no such path. */
  readonly metrics: MetricsText | null;
  readonly log: Log;
  readonly build: Build;
  readonly docsAssets: DocsAssets;
  /** Whether it serves on only to finish, and is not to be sent anything new. */
  readonly isStopping: () => boolean;
}): Messenger {
  const { config, clock, telemetry, tracing, metrics, log, build, docsAssets, isStopping } = needs;
  const storage =
    config.storage === 'cassandra'
      ? openCassandraStorage({ options: config.cassandra, clock, log, telemetry })
      : { ...makeMemoryStorage(), started: Promise.resolve(), pools: () => [] };
  if (config.storage === 'memory') {
    log.warn(
      {},
      'Storage is the memory of this process: all data end with it. STORAGE=cassandra keeps them.',
    );
  }
  const { take } = buildContainer({
    storage: {
      ...storage,
      missing: async () => (isStopping() ? ['The service is stopping.'] : storage.missing()),
    },
    clock,
    messageIds: makeMessageIds({ clock }),
    telemetry,
    tracing,
    metrics,
    log,
    userNames: config.userNamesKey === null ? null : hashedUserNames(config.userNamesKey),
    build,
    docsAssets,
    publicPath: config.publicPath,
    gate: openGate({ options: config.gate, clock, log }),
    requestTimeoutMs: config.requestTimeoutMs,
    maxRequestsInFlight: config.maxRequestsInFlight,
  });
  const app = take(TOKENS.app);
  return {
    fetch: lingering((request, peer) => app.fetch(request, peer)),
    started: storage.started,
    missing: () => take(TOKENS.missing)(),
    admission: () => take(TOKENS.admission).state(),
    pools: () => storage.pools(),
    close: () => storage.close(),
  };
}
