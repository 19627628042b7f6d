/*
 * The used part of the packages that need Node 22.15. npm does not install them on older versions, where the rest of
 * the code must still compile. These declarations also replace the types of installed packages; only the tests that run
 * the packages check them.
 */

declare module '@opentelemetry/core' {
  import type { TextMapPropagator } from '@opentelemetry/api';

  export const W3CTraceContextPropagator: new () => TextMapPropagator;
  export function getNumberFromEnv(name: string): number | undefined;
  export function setGlobalErrorHandler(handler: (error: unknown) => void): void;
}

declare module '@opentelemetry/context-async-hooks' {
  import type { ContextManager } from '@opentelemetry/api';

  export const AsyncLocalStorageContextManager: new () => ContextManager;
}

declare module '@opentelemetry/resources' {
  import type { Attributes } from '@opentelemetry/api';

  export interface Resource {
    /** The attributes of both; those of `other` take precedence. */
    merge(other: Resource): Resource;
  }
  /** The resource that describes the SDK. */
  export function defaultResource(): Resource;
  export function resourceFromAttributes(attributes: Attributes): Resource;
  export function detectResources(deps: { detectors: ResourceDetector[] }): Resource;
  export interface ResourceDetector {
    detect(): object;
  }
  export const resourceAttributesEnvDetector: ResourceDetector;
  export const serviceNameEnvDetector: ResourceDetector;
}

declare module '@opentelemetry/exporter-trace-otlp-proto' {
  import type { SpanExporter } from '@opentelemetry/sdk-trace';

  export const OTLPTraceExporter: new () => SpanExporter;
}

declare module '@opentelemetry/sdk-trace' {
  import type { TracerProvider as Provider } from '@opentelemetry/api';
  import type { Resource } from '@opentelemetry/resources';

  export interface SpanExporter {
    shutdown(): Promise<void>;
  }
  export interface SpanProcessor {
    shutdown(): Promise<void>;
  }
  export interface Sampler {
    toString(): string;
  }
  export const AlwaysOnSampler: new () => Sampler;
  export const AlwaysOffSampler: new () => Sampler;
  export const TraceIdRatioBasedSampler: new (ratio: number) => Sampler;
  export const ParentBasedSampler: new (deps: { root: Sampler }) => Sampler;
  export const BatchSpanProcessor: new (deps: {
    exporter: SpanExporter;
    maxQueueSize: number | undefined;
    maxExportBatchSize: number | undefined;
    scheduledDelayMillis: number | undefined;
    exportTimeoutMillis: number | undefined;
  }) => SpanProcessor;
  export const TracerProvider: new (deps: {
    resource: Resource;
    sampler: Sampler;
    spanProcessors: SpanProcessor[];
  }) => Provider & { shutdown(): Promise<void> };
}
