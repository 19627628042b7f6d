import { OpenAPIHono } from '@hono/zod-openapi';
import type { ErrorHandler, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { Overload, type Admission } from '../../application/admission.ts';
import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { UseCases } from '../../application/use-cases.ts';
import { Refusal } from '../../domain/refusal.ts';
import { browserHeaders } from './browser-headers.ts';
import { documentOf } from './document.ts';
import { faultsOf } from './faults.ts';
import { keepersOf, type Gate } from './gate.ts';
import { HttpFailure, problemAnswer } from './problems.ts';
import { addConversationRoutes } from './routes/conversations.ts';
import { addDocsRoutes, type DocsAssets } from './routes/docs.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addUserRoutes } from './routes/users.ts';

/** The messenger over HTTP, for any host that speaks `fetch`. */
export function makeApp(needs: {
  readonly useCases: UseCases;
  readonly admission: Pick<Admission, 'isFull'>;
  /** What keeps the service from serving, a sentence each, fit for any reader. */
  readonly missing: () => Promise<readonly string[]>;
  readonly docsAssets: DocsAssets;
  readonly gate: Gate;
  readonly log: Log;
}): OpenAPIHono {
  const app = new OpenAPIHono({
    // A trailing slash is the same route.
    strict: false,
    defaultHook: (result) => {
      if (!result.success) {
        throw new HttpFailure('invalid_request', { faults: faultsOf(result.target, result.error) });
      }
    },
  });

  app.use(requestId(), browserHeaders);
  // Before bodies are read, for a no has to cost far less than what there is no room for.
  app.use('/api/*', (_, next) => {
    if (needs.admission.isFull()) throw new HttpFailure('overloaded');
    return next();
  });
  const { before, callerOf } = keepersOf(needs.gate);
  for (const keeper of before) app.use('/api/*', keeper);
  app.notFound(answerUnknownPath);
  app.onError(makeErrorHandler(needs));

  let document: ReturnType<typeof documentOf> | undefined;
  addMessageRoutes(app, needs.useCases, callerOf);
  addConversationRoutes(app, needs.useCases, callerOf);
  addUserRoutes(app, needs.useCases, callerOf);
  addHealthRoutes(app, needs);
  addDocsRoutes(app, { document: () => (document ??= documentOf(app)), ...needs });
  // After the routes, so that it runs where none of them answered.
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemAnswer(c, 'method_not_allowed', { allow: methods.join(', ') }),
    }),
  );
  return app;
}

const answerUnknownPath: NotFoundHandler = (c) => {
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch {
    return problemAnswer(c, 'malformed_path');
  }
  return problemAnswer(c, 'path_not_found');
};

/** What the library refuses by itself: a body that is not JSON, or of another type. */
const OF_THE_LIBRARY: Readonly<Record<number, 'malformed_body' | 'unsupported_media_type'>> = {
  400: 'malformed_body',
  415: 'unsupported_media_type',
};

/** The one place where a failure becomes an answer. What is underneath goes to the log and nowhere else. */
function makeErrorHandler({ log }: { readonly log: Log }): ErrorHandler {
  return (error, c) => {
    if (error instanceof Refusal) return problemAnswer(c, error.code, { detail: error.message });
    if (error instanceof HttpFailure) return problemAnswer(c, error.code, error.details);
    if (error instanceof Overload) return problemAnswer(c, 'overloaded');
    if (error instanceof HTTPException) {
      const code = OF_THE_LIBRARY[error.status];
      if (code !== undefined) return problemAnswer(c, code);
    }
    const fields = { err: error, requestId: c.get('requestId') };
    if (error instanceof StorageFailure) {
      log.warn(fields, 'Storage let a request down.');
      return problemAnswer(c, error.kind);
    }
    log.error(fields, 'A request failed.');
    return problemAnswer(c, 'internal_error');
  };
}
