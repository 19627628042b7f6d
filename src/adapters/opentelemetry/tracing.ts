import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context, Span } from '@opentelemetry/api';
import { Overload } from '../../application/overload.ts';
import type { Build } from '../../application/ports/build.ts';
import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Tracing } from '../../application/ports/tracing.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { Sampling } from './sampling.ts';

/** Tracing can't be started. The message is a sentence for the operator. */
export class TracingError extends Error {
  override readonly name = 'TracingError';
}

/** Tracing with export to a collector. */
export interface OpenTracing extends Tracing {
  /** Sends the remaining spans, within `CLOSE_TIMEOUT_MS`. */
  close(): Promise<void>;
}

/** The default of `OTEL_SERVICE_NAME`. */
const SERVICE_NAME = 'messenger';

/** How long `close` waits for the collector, which may be unreachable. */
const CLOSE_TIMEOUT_MS = 1_500;

/** The shortest time between two warnings about failed exports. */
const WARN_INTERVAL_MS = 60_000;

/**
 * OpenTelemetry tracing, exported as OTLP over HTTP (protobuf). OpenTelemetry's variables set the endpoint, headers,
 * certificates and timeouts (`OTEL_EXPORTER_OTLP_*`), the service (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) and
 * the batches (`OTEL_BSP_*`). Loads OpenTelemetry's packages; rejects with a `TracingError` if they are not available.
 */
export async function openTracing(deps: {
  readonly sampling: Sampling;
  readonly build: Build;
  readonly log: Log;
}): Promise<OpenTracing> {
  const { api, core, contexts, resources, exporter, sdk } = await loadPackages();
  const { context, trace, ROOT_CONTEXT, SpanKind, SpanStatusCode } = api;

  const warn = rateLimitedWarning(deps.log);
  core.setGlobalErrorHandler(warn);
  context.setGlobalContextManager(new contexts.AsyncLocalStorageContextManager().enable());
  const { resourceAttributesEnvDetector, serviceNameEnvDetector } = resources;
  const self = { 'service.name': SERVICE_NAME, 'service.version': deps.build.version };
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes(self))
      .merge(resources.detectResources({ detectors })),
    sampler: samplerOf(sdk, deps.sampling),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new exporter.OTLPTraceExporter(),
        maxQueueSize: core.getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE'),
        maxExportBatchSize: core.getNumberFromEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
        scheduledDelayMillis: core.getNumberFromEnv('OTEL_BSP_SCHEDULE_DELAY'),
        exportTimeoutMillis: core.getNumberFromEnv('OTEL_BSP_EXPORT_TIMEOUT'),
      }),
    ],
  });
  const tracer = provider.getTracer('cassandra-messenger');
  const traceContext = new core.W3CTraceContextPropagator();

  const runInSpan = <Result>(parent: Context, span: Span, work: () => Result): Result =>
    context.with(trace.setSpan(parent, span), work);

  /** Sets the error type, which is from a closed list. The error text is never recorded: it may contain user data. */
  const fail = (span: Span, type: string): void => {
    span.setAttribute('error.type', type);
    span.setStatus({ code: SpanStatusCode.ERROR });
  };

  return {
    async request({ method, scheme, traceparent, tracestate }, handle) {
      const parent = traceContext.extract(
        ROOT_CONTEXT,
        { traceparent, tracestate },
        api.defaultTextMapGetter,
      );
      // The semantic convention requires `url.path`; it is omitted because it contains ids.
      const attributes = { 'http.request.method': method, 'url.scheme': scheme };
      const name = method === '_OTHER' ? 'HTTP' : method;
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
      try {
        const { route, status } = await runInSpan(parent, span, handle);
        if (route !== null) {
          span.updateName(`${name} ${route}`);
          span.setAttribute('http.route', route);
        }
        span.setAttribute('http.response.status_code', status);
        if (status >= 500) fail(span, status.toString());
      } finally {
        span.end();
      }
    },

    useCase(name, work) {
      const parent = context.active();
      const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL }, parent);
      const result = runInSpan(parent, span, work);
      result.then(
        () => {
          span.end();
        },
        (error: unknown) => {
          // A refusal is a regular result, not an error.
          if (error instanceof Refusal) span.setAttribute('messenger.refusal', error.code);
          else fail(span, typeOf(error));
          span.end();
        },
      );
      return result;
    },

    statementSent(name) {
      const parent = context.active();
      if (trace.getSpan(parent) === undefined) return () => undefined;
      const [operation = name, table] = name.split(' ');
      const attributes = {
        'db.system.name': 'cassandra',
        'db.query.summary': name,
        'db.operation.name': operation,
        ...(table !== undefined && { 'db.collection.name': table }),
      };
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
      return (outcome, speculations) => {
        if (speculations > 0) span.setAttribute('cassandra.speculative_execution.count', speculations);
        if (outcome !== 'ok') fail(span, outcome);
        span.end();
      };
    },

    spanContext() {
      const { traceId, spanId } = trace.getSpanContext(context.active()) ?? {};
      return traceId === undefined || spanId === undefined ? null : { traceId, spanId };
    },

    async close() {
      const timeout = pause(CLOSE_TIMEOUT_MS, undefined, { ref: false }).then(() => {
        throw new Error(`The collector did not respond within ${CLOSE_TIMEOUT_MS} ms.`);
      });
      await Promise.race([provider.shutdown(), timeout]).catch(warn);
    },
  };
}

/** The `error.type` of an error, from a closed list. */
function typeOf(error: unknown): string {
  if (error instanceof StorageFailure) return error.kind;
  return error instanceof Overload ? 'overloaded' : '_OTHER';
}

type Sdk = Awaited<ReturnType<typeof loadPackages>>['sdk'];

function samplerOf(sdk: Sdk, { sampler, ratio }: Sampling) {
  const name = sampler.replace('parentbased_', '');
  const root =
    name === 'always_on'
      ? new sdk.AlwaysOnSampler()
      : name === 'always_off'
        ? new sdk.AlwaysOffSampler()
        : new sdk.TraceIdRatioBasedSampler(ratio);
  return name === sampler ? root : new sdk.ParentBasedSampler({ root });
}

/** The minimum Node version of OpenTelemetry's packages. */
const MIN_NODE_VERSION = [22, 15] as const;

async function loadPackages() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < MIN_NODE_VERSION[0] || (major === MIN_NODE_VERSION[0] && minor < MIN_NODE_VERSION[1])) {
    throw new TracingError(
      `OTEL_EXPORTER_OTLP_ENDPOINT is set, but tracing needs Node ${MIN_NODE_VERSION.join('.')} or newer; this is ${process.versions.node}.`,
    );
  }
  try {
    const [api, core, contexts, resources, exporter, sdk] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/core'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/sdk-trace'),
    ]);
    return { api, core, contexts, resources, exporter, sdk };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new TracingError(
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, but the optional packages for tracing are not installed: run "npm ci" on this version of Node, without --omit=optional.',
    );
  }
}

/** Logs at most one warning a minute. While a collector is unreachable, a batch fails every few seconds. */
function rateLimitedWarning(log: Log): (error: unknown) => void {
  let lastWarnedAt = -Infinity;
  return (error) => {
    if (performance.now() - lastWarnedAt < WARN_INTERVAL_MS) return;
    lastWarnedAt = performance.now();
    log.warn({ err: error }, 'Traces could not be sent and were lost.');
  };
}
