import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context, Span } from '@opentelemetry/api';
import { Overload } from '../../application/concurrency-limiter.ts';
import type { Build } from '../../application/ports/build.ts';
import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Tracing } from '../../application/ports/tracing.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { Sampling } from './sampling.ts';

/** Why there can be no traces here, in a sentence for people. */
export class TracingError extends Error {
  override readonly name = 'TracingError';
}

/** Traces that go to a collector. */
export interface OpenTracing extends Tracing {
  /** Sends what has not been sent yet, and gives up on it after a while. */
  close(): Promise<void>;
}

/** What a service is called that `OTEL_SERVICE_NAME` does not name. */
const SERVICE_NAME = 'messenger';

/** How long closing waits for a collector, which may not be there. */
const CLOSE_WITHIN_MS = 1_500;

/** How often it is told that a collector is away. */
const TELL_EVERY_MS = 60_000;

/**
 * Traces by OpenTelemetry, sent as OTLP over HTTP (protobuf). Where to, with which headers, certificates and patience, as
 * which service, and how many spans at a time is left to OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_*`,
 * `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_BSP_*`. Loads OpenTelemetry's packages; rejects with a
 * `TracingError` where they can't be had.
 */
export async function openTracing(deps: {
  readonly sampling: Sampling;
  readonly build: Build;
  readonly log: Log;
}): Promise<OpenTracing> {
  const { api, core, contexts, resources, exporter, sdk } = await loadPackages();
  const { context, trace, ROOT_CONTEXT, SpanKind, SpanStatusCode } = api;

  const tell = tellingNowAndThen(deps.log);
  core.setGlobalErrorHandler(tell);
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

  const inside = <Answer>(parent: Context, span: Span, work: () => Answer): Answer =>
    context.with(trace.setSpan(parent, span), work);

  /** An error has a type out of a closed list, and never its text, in which there may be anything. */
  const fail = (span: Span, type: string): void => {
    span.setAttribute('error.type', type);
    span.setStatus({ code: SpanStatusCode.ERROR });
  };

  return {
    async request({ method, scheme, traceparent, tracestate }, answer) {
      const parent = traceContext.extract(
        ROOT_CONTEXT,
        { traceparent, tracestate },
        api.defaultTextMapGetter,
      );
      // No `url.path`, though the convention asks for it: it holds ids.
      const attributes = { 'http.request.method': method, 'url.scheme': scheme };
      const name = method === '_OTHER' ? 'HTTP' : method;
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
      try {
        const { route, status } = await inside(parent, span, answer);
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
      const answer = inside(parent, span, work);
      answer.then(
        () => {
          span.end();
        },
        (error: unknown) => {
          // A refusal is an answer.
          if (error instanceof Refusal) span.setAttribute('messenger.refusal', error.code);
          else fail(span, typeOf(error));
          span.end();
        },
      );
      return answer;
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
      const given = pause(CLOSE_WITHIN_MS, undefined, { ref: false }).then(() => {
        throw new Error(`The collector did not answer within ${CLOSE_WITHIN_MS} ms.`);
      });
      await Promise.race([provider.shutdown(), given]).catch(tell);
    },
  };
}

/** The kind of a failure, out of a closed list: what else an error says stays inside. */
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

/** What OpenTelemetry's packages ask for. */
const OLDEST_NODE = [22, 15] as const;

async function loadPackages() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new TracingError(
      `OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}.`,
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
      'OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and the optional packages for them are not installed: run "npm ci" on this version of Node, without --omit=optional.',
    );
  }
}

/** A batch fails every few seconds while a collector is away: one line a minute says enough. */
function tellingNowAndThen(log: Log): (error: unknown) => void {
  let told = -Infinity;
  return (error) => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    log.warn({ err: error }, 'Traces could not be sent, and are lost.');
  };
}
