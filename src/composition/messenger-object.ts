import { setTimeout as pause } from 'node:timers/promises';
import { build } from '../adapters/edge/build.ts';
import { makeConsoleLog } from '../adapters/edge/console-log.ts';
import { makeDocsAssets } from '../adapters/edge/docs-assets.ts';
import { settingsIn, type Bindings } from '../adapters/edge/platform.ts';
import { coarseTime } from '../adapters/system/clock.ts';
import { SHORTEST_VALIDITY_MS } from '../adapters/system/verified-clock.ts';
import type { ReadAsset } from '../adapters/http/static-file.ts';
import type { Log } from '../application/ports/log.ts';
import { NOOP_TELEMETRY } from '../application/ports/telemetry.ts';
import { readServiceConfig, type Config } from './config.ts';
import { openMessenger, type Messenger } from './messenger.ts';

/** The time that the first requests wait for storage: it adds little to the request timeout, and is enough to connect. */
const COLD_START_MS = 2_000;

/**
 * The interval at which streams and waiting polls read the log. Other objects store events, too, and send no hints, since
 * there is no broker at the edge.
 */
const POLL_INTERVAL_MS = 2_000;

/** The delay before the next start after a start that failed permanently, for example because of a missing schema. */
const REOPEN_MS = 2_000;

/**
 * The messenger as a Durable Object. At the edge only a Durable Object can keep connections across requests, so storage
 * and message ids are here, and an object corresponds to a process on other hosts. It gets no notice before it is stopped,
 * so it may leave the same unfinished work as a killed process.
 */
export class MessengerObject {
  readonly #config: Config;
  readonly #log: Log;
  readonly #docsAssets: ReadAsset;
  #serving: { readonly messenger: Messenger; readonly ready: Promise<unknown> } | null = null;

  /** Throws a `ConfigError` if the settings are invalid: then each request fails, and the platform logs the error. */
  constructor(_state: unknown, bindings: Bindings) {
    this.#config = readServiceConfig(settingsIn(bindings), () => {
      throw new Error('There are no files at the edge.');
    });
    this.#log = makeConsoleLog(this.#config.logLevel);
    if (this.#config.tracing !== null) {
      this.#log.warn({}, 'OTEL_EXPORTER_OTLP_ENDPOINT is set, but tracing is not available at the edge.');
    }
    if (this.#config.nats !== null) {
      this.#log.warn({}, 'NATS_URL is set, but NATS is not available at the edge.');
    }
    this.#docsAssets = makeDocsAssets(bindings.DOCS_ASSETS);
  }

  async fetch(request: Request): Promise<Response> {
    const { messenger, ready } = (this.#serving ??= this.#start());
    // On other hosts a process gets no requests before it is ready; here the first request starts the object.
    await ready;
    return messenger.fetch(request);
  }

  #start(): { messenger: Messenger; ready: Promise<unknown> } {
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
      // The deployment contains no web client.
      webAssets: null,
      isStopping: () => false,
      pollIntervalMs: POLL_INTERVAL_MS,
    });
    const started = messenger.started.catch((error: unknown) => {
      this.#restartLater(messenger, error);
    });
    return { messenger, ready: Promise.race([started, pause(COLD_START_MS)]) };
  }

  /** Discards the messenger after a delay, so that the next request starts a new one. A process would exit here. */
  #restartLater(messenger: Messenger, error: unknown): void {
    this.#log.error({}, (error as Error).message);
    setTimeout(() => {
      this.#serving = null;
      void messenger.close();
    }, REOPEN_MS);
  }
}
