import { listenError, urlAt, type OpenHttpServer } from './server.ts';

interface BunServer {
  requestIP(request: Request): { readonly address: string } | null;
}

/** What is used of Bun. Its own types would claim the globals of every other host's files as well. */
declare const Bun: {
  serve(options: {
    readonly fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
    readonly hostname: string;
    readonly port: number;
    readonly idleTimeout: number;
  }): {
    readonly port: number;
    /** Takes no further connection, and resolves when the requests that have arrived are answered. */
    stop(): Promise<void>;
  };
};

/**
 * Seconds after which a connection closes on which nothing was said, also while a request is served: ten unless told,
 * which is no more than a request may take.
 */
const IDLE_SECONDS = 60;

/** Listens by Bun's own server. */
export const openBunServer: OpenHttpServer = ({ fetch, host, port, setting }) =>
  new Promise((resolve, reject) => {
    try {
      const server = Bun.serve({
        // Few need it, and it is not free.
        fetch: (request, server) =>
          fetch(request, {
            get remoteAddress() {
              return server.requestIP(request)?.address;
            },
          }),
        port,
        idleTimeout: IDLE_SECONDS,
        hostname: host,
      });
      resolve({ url: urlAt(host, server.port), close: () => server.stop() });
    } catch (error) {
      reject(listenError(error, { host, port, setting }));
    }
  });
