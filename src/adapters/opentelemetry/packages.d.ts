/*
 * What is used of the packages that need Node 22.15: npm leaves them out on an older one, where all the rest is still
 * to be checked. These declarations hold also where the packages are; that they are true is seen where they run.
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
    /** The attributes of both; where they differ, those of `other`. */
    merge(other: Resource): Resource;
  }
  /** That of the SDK itself. */
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
