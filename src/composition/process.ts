import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { makeMetricsApp } from '../adapters/http/app.ts';
import { corsHeadersFor } from '../adapters/http/middleware/cors.ts';
import { standaloneProblem } from '../adapters/http/problems.ts';
import { makeMemoryHints } from '../adapters/memory/hints.ts';
import { NatsError, openNatsHints } from '../adapters/nats/hints.ts';
import { openTracing, TracingError } from '../adapters/opentelemetry/tracing.ts';
import { openProcessLog } from '../adapters/pino/process-log.ts';
import { makeMetrics } from '../adapters/prometheus/metrics.ts';
import { buildOfThisProcess } from '../adapters/system/build.ts';
import { HOST_TIME } from '../adapters/system/clock.ts';
import { docsAssets } from '../adapters/system/docs-assets.ts';
import { webAssets } from '../adapters/system/web-assets.ts';
import { lingeringClose } from '../adapters/servers/lingering-close.ts';
import {
  ListenError,
  type HttpServer,
  type OpenHttpServer,
  type RequestRejection,
  type StandaloneResponse,
} from '../adapters/servers/server.ts';
import { combineTelemetry, NOOP_TELEMETRY } from '../application/ports/telemetry.ts';
import { ConfigError, readServiceConfig, type Config } from './config.ts';
import { openMessenger, type FillStorage } from './messenger.ts';

/** The time limit for draining requests and writes: less than the 30 s after which Kubernetes kills the process. */
const GRACE_MS = 25_000;

/**
 * The time after SIGTERM in which /readyz fails before the first connection is closed, so that load balancers stop sending
 * requests. A request that arrives while its connection is being closed gets no response.
 */
const READINESS_DELAY_MS = 1_000;

/** With `npm start`, one Ctrl-C can arrive twice: from the terminal and from npm. */
const DUPLICATE_SIGNAL_MS = 500;

/** The options of a process. */
interface ProcessOptions {
  /** Fills memory storage before the service is ready. */
  readonly fillMemory?: FillStorage;
  /** Called with the address when the service is ready. */
  readonly onReady?: (url: string) => void;
}

/**
 * Runs the messenger in this process: reads the environment, opens storage, and serves with the host's HTTP server until
 * a signal arrives; then closes everything in reverse order and ends the process.
 */
export async function runProcess(
  openHttpServer: OpenHttpServer,
  { fillMemory, onReady }: ProcessOptions = {},
): Promise<void> {
  const config = configOfThisProcess();
  const build = buildOfThisProcess();
  const { log, close: closeLog } = await openProcessLog({
    level: config.logLevel,
    format: config.logFormat,
    build,
  });
  const exitWith = (message: string): never => {
    log.fatal(message);
    process.exit(1);
  };

  const tracing =
    config.tracing === null
      ? null
      : await openTracing({ sampling: config.tracing, build, log }).catch((error: unknown) => {
          if (!(error instanceof TracingError)) throw error;
          return exitWith(error.message);
        });

  let stoppingSince = 0;
  const isStopping = (): boolean => stoppingSince > 0;
  const metrics = makeMetrics({
    concurrencyLimiter: () => messenger.concurrencyLimiter(),
    pools: config.storage === 'cassandra' ? () => messenger.pools() : null,
    clock: config.storage === 'cassandra' ? () => messenger.clockState?.() ?? null : null,
    eventConnections: () => messenger.eventConnections(),
    brokerConnected: config.nats === null ? null : () => hints?.isConnected() ?? false,
  });
  const hints =
    config.nats === null
      ? null
      : await openNatsHints({
          options: config.nats,
          name: config.cassandra.keyspace,
          local: makeMemoryHints(),
          telemetry: metrics.telemetry,
          log,
        }).catch((error: unknown) => {
          if (!(error instanceof NatsError)) throw error;
          return exitWith(error.message);
        });
  const messenger = openMessenger({
    config,
    time: HOST_TIME,
    telemetry:
      tracing === null
        ? metrics.telemetry
        : combineTelemetry(metrics.telemetry, { ...NOOP_TELEMETRY, statementSent: tracing.statementSent }),
    tracing,
    metrics: config.metricsPort === null ? metrics : null,
    log,
    build,
    docsAssets,
    webAssets,
    isStopping,
    ...(fillMemory !== undefined && { fillMemory }),
    ...(hints !== null && { hints }),
  });

  const refuse = (reason: RequestRejection, origin: string | undefined): StandaloneResponse => {
    const { status, headers, body } = standaloneProblem(reason);
    metrics.requestRejected(reason);
    log.info({ requestId: headers['X-Request-Id'], reason, status }, 'The server rejected a request');
    return {
      status,
      headers: { ...headers, ...corsHeadersFor(config.accessPolicy.corsOrigins, origin) },
      body,
    };
  };

  const listen = (options: Omit<Parameters<OpenHttpServer>[0], 'host' | 'refuse'>): Promise<HttpServer> =>
    openHttpServer({ host: config.host, refuse, ...options }).catch((error: unknown) => {
      if (!(error instanceof ListenError)) throw error;
      return exitWith(error.message);
    });

  let metricsServer: HttpServer | null = null;
  if (config.metricsPort !== null) {
    const app = makeMetricsApp({ metrics, readinessProblems: messenger.readinessProblems, build, log });
    const fetch = lingeringClose((request) => app.fetch(request));
    metricsServer = await listen({ fetch, port: config.metricsPort, setting: 'METRICS_PORT' });
    log.info(`Metrics at ${metricsServer.url}/metrics`);
  }

  // Listens before storage is ready, so that /readyz can give the reason.
  const server = await listen({ fetch: messenger.fetch, port: config.port, setting: 'PORT' });
  log.info(`Listening at ${server.url}`);

  messenger.started.then(
    () => {
      const documentation = `documentation at ${server.url}/docs`;
      const pages = config.webClient
        ? `the web client at ${server.url}/app and ${documentation}`
        : documentation;
      log.info(`Ready at ${server.url}, with ${pages}`);
      onReady?.(server.url);
    },
    (error: unknown) => {
      // Storage also rejects if it is closed while it is starting.
      if (!isStopping()) exitWith((error as Error).message);
    },
  );

  const stop = async (signal: string): Promise<never> => {
    log.info(`${signal}: draining requests`);
    setTimeout(() => {
      exitWith(`Requests or writes were still in progress after ${GRACE_MS / 1000} s and are aborted.`);
    }, GRACE_MS);
    // Not for SIGINT: with Ctrl-C a person is waiting.
    if (signal === 'SIGTERM') await pause(READINESS_DELAY_MS);
    messenger.endStreams();
    await server.close();
    await metricsServer?.close();
    await messenger.close();
    await hints?.close();
    await tracing?.close();
    log.info('Stopped');
    await closeLog();
    process.exit(0);
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stoppingSince === 0) {
        stoppingSince = performance.now();
        void stop(signal);
      } else if (performance.now() - stoppingSince > DUPLICATE_SIGNAL_MS) {
        exitWith(`Second ${signal}: exiting at once. Requests and writes in progress may be aborted.`);
      }
    });
  }
}

function configOfThisProcess(): Config {
  try {
    return readServiceConfig(process.env, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
