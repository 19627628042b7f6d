import { OpenAPIHono } from '@hono/zod-openapi';
import type { ErrorHandler, NotFoundHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { Overload, type ConcurrencyLimiter } from '../../application/concurrency-limiter.ts';
import type { Build } from '../../application/ports/build.ts';
import { ClockNotVerified } from '../../application/ports/clock-check.ts';
import type { FollowEvents } from '../../application/follow-events.ts';
import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { NOOP_TELEMETRY, type Telemetry } from '../../application/ports/telemetry.ts';
import type { Tracing } from '../../application/ports/tracing.ts';
import type { UseCases } from '../../application/use-cases.ts';
import { Refusal } from '../../domain/refusal.ts';
import { documentOf } from './openapi/openapi-document.ts';
import type { EventStreams } from './event-streams.ts';
import { accessLog, logFieldsOf, type Pseudonymize } from './middleware/access-log.ts';
import { requestContext } from './middleware/request-context.ts';
import { accessMiddleware, type AccessPolicy } from './middleware/access-policy.ts';
import { HttpFailure, problemAnswer } from './problems.ts';
import { addConversationRoutes } from './routes/conversations.ts';
import { addDocsRoutes, type DocsAssets } from './routes/docs.ts';
import { addEventRoutes } from './routes/events.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addMetricsRoute, type MetricsText } from './routes/metrics.ts';
import { addUserRoutes } from './routes/users.ts';
import { tracingMiddleware } from './middleware/tracing.ts';

/** The messenger over HTTP, for any host that speaks `fetch`. */
export function makeApp(deps: {
  readonly useCases: UseCases;
  readonly concurrencyLimiter: Pick<ConcurrencyLimiter, 'requireCapacity'>;
  readonly followEvents: FollowEvents;
  readonly streams: EventStreams;
  /** What keeps the service from serving, a sentence each, fit for any reader. */
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly build: Build;
  readonly docsAssets: DocsAssets;
  /** The path under which a proxy shows the service, and which the proxy takes away; empty for none. */
  readonly publicPath: string;
  readonly accessPolicy: AccessPolicy;
  readonly telemetry: Telemetry;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  /** Null where they are not given at this port. */
  readonly metrics: MetricsText | null;
  readonly pseudonymize: Pseudonymize;
  readonly log: Log;
}): OpenAPIHono {
  // A trailing slash is the same route.
  const app = new OpenAPIHono({ strict: false });

  app.use(requestContext);
  app.use(accessLog(deps));
  if (deps.tracing !== null) app.use('/api/*', tracingMiddleware(deps.tracing));
  const { cors, before, callerOf } = accessMiddleware(deps.accessPolicy);
  if (cors !== null) app.use('/api/*', cors);
  // Before bodies are read, for a no has to cost far less than what there is no room for.
  app.use('/api/*', (_, next) => {
    deps.concurrencyLimiter.requireCapacity();
    return next();
  });
  for (const keeper of before) app.use('/api/*', keeper);

  addMessageRoutes(app, deps.useCases, callerOf);
  addConversationRoutes(app, deps.useCases, callerOf, deps.publicPath);
  addEventRoutes(app, { ...deps, callerOf });
  addUserRoutes(app, deps.useCases, callerOf);
  addHealthRoutes(app, deps);
  const document = () =>
    documentOf(app, {
      version: deps.build.version,
      publicPath: deps.publicPath,
      needsToken: deps.accessPolicy.authenticate !== null,
    });
  addDocsRoutes(app, { document, ...deps });
  if (deps.metrics !== null) addMetricsRoute(app, deps.metrics);
  refuseTheRest(app, deps);
  return app;
}

/**
 * What those who run the service ask of it, for a port of their own, whose connections no client can use up. Requests
 * there are not counted.
 */
export function makeMetricsApp(deps: {
  readonly metrics: MetricsText;
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly build: Build;
  readonly log: Log;
}): OpenAPIHono {
  const app = new OpenAPIHono({ strict: false });
  const { metrics, log } = deps;
  app.use(requestContext);
  app.use(accessLog({ telemetry: NOOP_TELEMETRY, log, pseudonymize: null }));
  addHealthRoutes(app, deps);
  addMetricsRoute(app, metrics);
  refuseTheRest(app, { log, pseudonymize: null });
  return app;
}

/** What no route takes, and what fails, is a problem. To be called after the routes. */
function refuseTheRest(
  app: OpenAPIHono,
  deps: { readonly log: Log; readonly pseudonymize: Pseudonymize },
): void {
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemAnswer(c, 'method_not_allowed', { allow: methods.join(', ') }),
    }),
  );
  app.notFound(answerUnknownPath);
  app.onError(makeErrorHandler(deps));
}

const answerUnknownPath: NotFoundHandler = (c) => {
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch {
    return problemAnswer(c, 'malformed_path');
  }
  return problemAnswer(c, 'path_not_found');
};

/** The one place where a failure becomes an answer. What is underneath goes to the log and nowhere else. */
function makeErrorHandler(deps: { readonly log: Log; readonly pseudonymize: Pseudonymize }): ErrorHandler {
  const { log, pseudonymize } = deps;
  return (error, c) => {
    if (error instanceof Refusal) return problemAnswer(c, error.code, { detail: error.message });
    if (error instanceof HttpFailure) return problemAnswer(c, error.code, error.details);
    if (error instanceof Overload) return problemAnswer(c, 'overloaded');
    if (error instanceof ClockNotVerified) return problemAnswer(c, 'clock_not_verified');
    const fields = { err: error, ...logFieldsOf(c, pseudonymize) };
    if (error instanceof StorageFailure) {
      log.warn(fields, 'Storage let a request down.');
      return problemAnswer(c, error.kind);
    }
    log.error(fields, 'A request failed.');
    return problemAnswer(c, 'internal_error');
  };
}
