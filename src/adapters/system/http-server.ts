import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';

/** Requests in, answers out. */
type Fetch = (request: Request) => Response | Promise<Response>;

/** Why there is no server at this address, in a sentence for people. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** A server of Node's that is listening. */
export interface HttpServer {
  /** Where it is reached from this host. */
  readonly url: string;

  /**
   * Takes no further connection, answers the requests that have arrived, asks their clients to let go, and
   * resolves when all are gone.
   */
  close(): Promise<void>;
}

/** Listens at `port` (0 takes a free one) of `host`; null is every address. Rejects with a `ListenError`. */
export async function openHttpServer(needs: {
  readonly fetch: Fetch;
  readonly host: string | null;
  readonly port: number;
}): Promise<HttpServer> {
  const { fetch, host, port } = needs;
  const server = createAdaptorServer({ fetch }) as Server;
  const unanswered = new Set<ServerResponse>();
  let closing = false;

  server.prependListener('request', (_request, response) => {
    unanswered.add(response);
    if (closing) letGo(response);
    response.once('close', () => {
      unanswered.delete(response);
      if (closing) closeUnused();
    });
  });

  // Node's own close() waits five seconds for a connection that stays open after its answer, and without end for
  // one that was opened ahead and never used, as browsers do.
  const closeUnused = (): void => {
    if (unanswered.size === 0) server.closeAllConnections();
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(sentenceFor(error, needs), { cause: error }));
    });
    server.listen({ port, ...(host !== null && { host }) }, resolve);
  });

  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: `http://${host === null ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${actualPort}`,

    close() {
      closing = true;
      unanswered.forEach(letGo);
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        closeUnused();
      });
    },
  };
}

/** Tells the client with the answer that its connection ends here. */
function letGo(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function sentenceFor(
  { code }: NodeJS.ErrnoException,
  { host, port }: { host: string | null; port: number },
): string {
  if (code === 'EADDRINUSE') return `Port ${port} is taken by another process: choose another in PORT.`;
  if (code === 'EACCES') return `Port ${port} may not be opened by this user: choose another in PORT.`;
  if (host !== null && ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'].includes(code ?? '')) {
    return `${host} is no address of this host: change HOST.`;
  }
  return `Port ${port} can't be opened (${code}).`;
}
