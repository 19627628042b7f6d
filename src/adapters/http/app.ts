import { OpenAPIHono } from '@hono/zod-openapi';
import type { ErrorHandler, NotFoundHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { Overload, type Admission } from '../../application/admission.ts';
import type { Build } from '../../application/ports/build.ts';
import { ClockNotVerified } from '../../application/ports/clock-check.ts';
import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { UNWATCHED, type Telemetry } from '../../application/ports/telemetry.ts';
import type { Tracing } from '../../application/ports/tracing.ts';
import type { UseCases } from '../../application/use-cases.ts';
import { Refusal } from '../../domain/refusal.ts';
import { documentOf } from './document.ts';
import { attending, namesOf, type UserNames } from './exchange.ts';
import { keepersOf, type Gate } from './gate.ts';
import { HttpFailure, problemAnswer } from './problems.ts';
import { addConversationRoutes } from './routes/conversations.ts';
import { addDocsRoutes, type DocsAssets } from './routes/docs.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addMetricsRoute, type MetricsText } from './routes/metrics.ts';
import { addUserRoutes } from './routes/users.ts';
import { tracingRequests } from './tracing.ts';

/** The messenger over HTTP, for any host that speaks `fetch`. */
export function makeApp(needs: {
  readonly useCases: UseCases;
  readonly admission: Pick<Admission, 'isFull'>;
  /** What keeps the service from serving, a sentence each, fit for any reader. */
  readonly missing: () => Promise<readonly string[]>;
  readonly build: Build;
  readonly docsAssets: DocsAssets;
  /** The path under which a proxy shows the service, and which the proxy takes away; empty for none. */
  readonly publicPath: string;
  readonly gate: Gate;
  readonly telemetry: Telemetry;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  /** Null where they are not given at this port. */
  readonly metrics: MetricsText | null;
  readonly userNames: UserNames;
  readonly log: Log;
}): OpenAPIHono {
  // A trailing slash is the same route.
  const app = new OpenAPIHono({ strict: false });

  app.use(attending(needs));
  if (needs.tracing !== null) app.use('/api/*', tracingRequests(needs.tracing));
  const { cors, before, callerOf } = keepersOf(needs.gate);
  if (cors !== null) app.use('/api/*', cors);
  // Before bodies are read, for a no has to cost far less than what there is no room for.
  app.use('/api/*', (_, next) => {
    if (needs.admission.isFull()) throw new HttpFailure('overloaded');
    return next();
  });
  for (const keeper of before) app.use('/api/*', keeper);

  addMessageRoutes(app, needs.useCases, callerOf);
  addConversationRoutes(app, needs.useCases, callerOf, needs.publicPath);
  addUserRoutes(app, needs.useCases, callerOf);
  addHealthRoutes(app, needs);
  const document = () =>
    documentOf(app, {
      version: needs.build.version,
      publicPath: needs.publicPath,
      needsToken: needs.gate.authenticate !== null,
    });
  addDocsRoutes(app, { document, ...needs });
  if (needs.metrics !== null) addMetricsRoute(app, needs.metrics);
  refuseTheRest(app, needs);
  return app;
}

/**
 * What those who run the service ask of it, for a port of their own, whose connections no client can use up. Requests
 * there are not counted.
 */
export function makeMetricsApp(needs: {
  readonly metrics: MetricsText;
  readonly missing: () => Promise<readonly string[]>;
  readonly build: Build;
  readonly log: Log;
}): OpenAPIHono {
  const app = new OpenAPIHono({ strict: false });
  const { metrics, log } = needs;
  app.use(attending({ telemetry: UNWATCHED, log, userNames: null }));
  addHealthRoutes(app, needs);
  addMetricsRoute(app, metrics);
  refuseTheRest(app, { log, userNames: null });
  return app;
}

/** What no route takes, and what fails, is a problem. To be called after the routes. */
function refuseTheRest(app: OpenAPIHono, needs: { readonly log: Log; readonly userNames: UserNames }): void {
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemAnswer(c, 'method_not_allowed', { allow: methods.join(', ') }),
    }),
  );
  app.notFound(answerUnknownPath);
  app.onError(makeErrorHandler(needs));
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
function makeErrorHandler(needs: { readonly log: Log; readonly userNames: UserNames }): ErrorHandler {
  const { log, userNames } = needs;
  return (error, c) => {
    if (error instanceof Refusal) return problemAnswer(c, error.code, { detail: error.message });
    if (error instanceof HttpFailure) return problemAnswer(c, error.code, error.details);
    if (error instanceof Overload) return problemAnswer(c, 'overloaded');
    if (error instanceof ClockNotVerified) return problemAnswer(c, 'clock_not_verified');
    const fields = { err: error, ...namesOf(c, userNames) };
    if (error instanceof StorageFailure) {
      log.warn(fields, 'Storage let a request down.');
      return problemAnswer(c, error.kind);
    }
    log.error(fields, 'A request failed.');
    return problemAnswer(c, 'internal_error');
  };
}
