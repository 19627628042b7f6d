import { OpenAPIHono } from '@hono/zod-openapi';
import type { ErrorHandler, NotFoundHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { ConcurrencyLimiter } from '../../application/concurrency-limiter.ts';
import { Overload } from '../../application/overload.ts';
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
import { HttpFailure, problemResponse } from './problems.ts';
import { addConversationRoutes } from './routes/conversations.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addEventRoutes } from './routes/events.ts';
import { addGroupRoutes } from './routes/groups.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addMetricsRoute, type MetricsText } from './routes/metrics.ts';
import { addUserRoutes } from './routes/users.ts';
import { addWebClientRoutes } from './routes/web-client.ts';
import type { ReadAsset } from './static-file.ts';
import { tracingMiddleware } from './middleware/tracing.ts';

/** The HTTP API of the messenger, for any host that supports `fetch` handlers. */
export function makeApp(deps: {
  readonly useCases: UseCases;
  readonly concurrencyLimiter: Pick<ConcurrencyLimiter, 'requireCapacity'>;
  readonly followEvents: FollowEvents;
  readonly streams: EventStreams;
  /** Why the service is not ready, one sentence per reason, without secrets; empty if it is ready. */
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly build: Build;
  readonly docsAssets: ReadAsset;
  /** Reads a file of the built web client; null if the web client is off. */
  readonly webAssets: ReadAsset | null;
  /** The path prefix that a reverse proxy strips; empty for none. */
  readonly publicPath: string;
  readonly accessPolicy: AccessPolicy;
  readonly telemetry: Telemetry;
  /** Null if tracing is off. */
  readonly tracing: Tracing | null;
  /** Null if `/metrics` is not served on this port. */
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
  // This check runs before the body is read, so that a rejected request costs far less than a served one.
  app.use('/api/*', (_, next) => {
    deps.concurrencyLimiter.requireCapacity();
    return next();
  });
  for (const middleware of before) app.use('/api/*', middleware);

  addMessageRoutes(app, deps.useCases, callerOf);
  addConversationRoutes(app, deps.useCases, callerOf, deps.publicPath);
  addGroupRoutes(app, deps.useCases, callerOf);
  addEventRoutes(app, { ...deps, callerOf });
  addUserRoutes(app, deps.useCases, callerOf);
  addHealthRoutes(app, deps);
  const { publicPath, webAssets } = deps;
  const needsToken = deps.accessPolicy.authenticate !== null;
  const document = () => documentOf(app, { version: deps.build.version, publicPath, needsToken });
  addDocsRoutes(app, { document, ...deps });
  if (webAssets !== null) addWebClientRoutes(app, { webAssets, publicPath, needsToken });
  app.get('/', (c) => c.redirect(`${publicPath}${webAssets === null ? '/docs' : '/app'}`));
  if (deps.metrics !== null) addMetricsRoute(app, deps.metrics);
  addErrorHandlers(app, deps);
  return app;
}

/**
 * Metrics and health checks for a separate port, whose connections clients cannot exhaust. Requests to this port are not
 * counted.
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
  addErrorHandlers(app, { log, pseudonymize: null });
  return app;
}

/** Answers unknown paths, wrong methods and errors with problems. Call it after all routes are added. */
function addErrorHandlers(
  app: OpenAPIHono,
  deps: { readonly log: Log; readonly pseudonymize: Pseudonymize },
): void {
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemResponse(c, 'method_not_allowed', { allow: methods.join(', ') }),
    }),
  );
  app.notFound(respondUnknownPath);
  app.onError(makeErrorHandler(deps));
}

const respondUnknownPath: NotFoundHandler = (c) => {
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch {
    return problemResponse(c, 'malformed_path');
  }
  return problemResponse(c, 'path_not_found');
};

/** The only place that turns errors into responses. Internal details go to the log only. */
function makeErrorHandler(deps: { readonly log: Log; readonly pseudonymize: Pseudonymize }): ErrorHandler {
  const { log, pseudonymize } = deps;
  return (error, c) => {
    if (error instanceof Refusal) return problemResponse(c, error.code, { detail: error.message });
    if (error instanceof HttpFailure) return problemResponse(c, error.code, error.details);
    if (error instanceof Overload) return problemResponse(c, 'overloaded');
    if (error instanceof ClockNotVerified) return problemResponse(c, 'clock_not_verified');
    const fields = { err: error, ...logFieldsOf(c, pseudonymize) };
    if (error instanceof StorageFailure) {
      log.warn(fields, 'Storage request failed.');
      return problemResponse(c, error.kind);
    }
    log.error(fields, 'Request failed with an unexpected error.');
    return problemResponse(c, 'internal_error');
  };
}
