import { listenError, urlAt, type OpenHttpServer } from './server.ts';

interface BunServer {
  requestIP(request: Request): { readonly address: string } | null;
}

/** The part of Bun's API that is used here. Bun's own types would add its globals to the files of all other hosts. */
declare const Bun: {
  serve(options: {
    readonly fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
    readonly hostname: string;
    readonly port: number;
    readonly idleTimeout: number;
  }): {
    readonly port: number;
    /** Accepts no further connections, and resolves when all received requests are answered. */
    stop(): Promise<void>;
  };
};

/**
 * Seconds after which Bun closes an idle connection, even while a request is being handled. Bun's default of ten is not
 * longer than a request may take.
 */
const IDLE_SECONDS = 60;

/** Listens with `Bun.serve`. */
export const openBunServer: OpenHttpServer = ({ fetch, host, port, setting }) =>
  new Promise((resolve, reject) => {
    try {
      const server = Bun.serve({
        // Looked up lazily: it has a cost, and few requests need it.
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
