import { setTimeout as pause } from 'node:timers/promises';
import { build } from '../adapters/edge/build.ts';
import { makeConsoleLog } from '../adapters/edge/console-log.ts';
import { makeDocsAssets } from '../adapters/edge/docs-assets.ts';
import { settingsIn, type Bindings } from '../adapters/edge/platform.ts';
import { coarseTime } from '../adapters/system/clock.ts';
import { SHORTEST_VALIDITY_MS } from '../adapters/system/verified-clock.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import type { Log } from '../application/ports/log.ts';
import { NOOP_TELEMETRY } from '../application/ports/telemetry.ts';
import { readServiceConfig, type Config } from './config.ts';
import { openMessenger, type Messenger } from './messenger.ts';

/** How long the first requests wait for storage. It is little on top of the time of a request, and plenty to connect. */
const COLD_START_MS = 2_000;

/**
 * How often streams and waiting polls read the log. Other objects store events too, and no hint comes from them: there
 * is no broker at the edge.
 */
const POLL_INTERVAL_MS = 2_000;

/** How long after a start that failed for good, as on a missing schema, the next one may be tried. */
const REOPEN_MS = 2_000;

/**
 * The messenger as a Durable Object. At the edge requests share no connection but through such an object, whose
 * connections are its own: so storage and the ids of messages live here, and an object is what a process is elsewhere.
 * It is told nothing of its end, so what it leaves unfinished is what a process leaves that was killed.
 */
export class MessengerObject {
  readonly #config: Config;
  readonly #log: Log;
  readonly #docsAssets: DocsAssets;
  #serving: { readonly messenger: Messenger; readonly warm: Promise<unknown> } | null = null;

  /** Throws a `ConfigError` where the settings can't be followed: each request fails, and the platform logs why. */
  constructor(_state: unknown, bindings: Bindings) {
    this.#config = readServiceConfig(settingsIn(bindings), () => {
      throw new Error('There are no files at the edge.');
    });
    this.#log = makeConsoleLog(this.#config.logLevel);
    if (this.#config.tracing !== null) {
      this.#log.warn({}, 'OTEL_EXPORTER_OTLP_ENDPOINT is set, but there are no traces at the edge.');
    }
    if (this.#config.nats !== null) {
      this.#log.warn({}, 'NATS_URL is set, but there is no broker at the edge.');
    }
    this.#docsAssets = makeDocsAssets(bindings.DOCS_ASSETS);
  }

  async fetch(request: Request): Promise<Response> {
    const { messenger, warm } = (this.#serving ??= this.#begin());
    // Elsewhere a process gets no requests before it is ready; here it is a request that makes the object begin.
    await warm;
    return messenger.fetch(request);
  }

  #begin(): { messenger: Messenger; warm: Promise<unknown> } {
    const messenger = openMessenger({
      config: this.#config,
      time: coarseTime(),
      // There is no monotonic clock that would show a step between measurements.
      clockValidForMs: SHORTEST_VALIDITY_MS,
      telemetry: NOOP_TELEMETRY,
      tracing: null,
      metrics: null,
      log: this.#log,
      build,
      docsAssets: this.#docsAssets,
      isStopping: () => false,
      pollIntervalMs: POLL_INTERVAL_MS,
    });
    const started = messenger.started.catch((error: unknown) => {
      this.#endLater(messenger, error);
    });
    return { messenger, warm: Promise.race([started, pause(COLD_START_MS)]) };
  }

  /** Where a process would end, and be started again by whoever watches over it. */
  #endLater(messenger: Messenger, error: unknown): void {
    this.#log.error({}, (error as Error).message);
    setTimeout(() => {
      this.#serving = null;
      void messenger.close();
    }, REOPEN_MS);
  }
}
