import { listenError, urlAt, type OpenHttpServer } from './server.ts';

interface ServeHandlerInfo {
  readonly remoteAddr: { readonly hostname: string };
}

/** The part of Deno's API that is used here. Deno's own types would add its globals to the files of all other hosts. */
declare const Deno: {
  serve(
    options: { readonly hostname: string; readonly port: number; readonly onListen: () => void },
    handler: (request: Request, info: ServeHandlerInfo) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly port: number };
    /** Accepts no new connections, aborts incomplete request bodies, and resolves when all requests are answered. */
    shutdown(): Promise<void>;
  };
};

/** Listens with `Deno.serve`. */
export const openDenoServer: OpenHttpServer = ({ fetch, host, port, setting }) =>
  new Promise((resolve, reject) => {
    const inProgress = new Set<Promise<Response>>();
    const handle = (request: Request, { remoteAddr }: ServeHandlerInfo): Promise<Response> => {
      const response = Promise.resolve(fetch(request, { remoteAddress: remoteAddr.hostname }));
      inProgress.add(response);
      void response.finally(() => inProgress.delete(response));
      return response;
    };
    try {
      const server = Deno.serve({ hostname: host, port, onListen: () => undefined }, handle);
      resolve({
        url: urlAt(host, server.addr.port),
        async close() {
          // Requests in progress finish first, because `shutdown` would abort their incomplete bodies.
          await Promise.allSettled(inProgress);
          await server.shutdown();
        },
      });
    } catch (error) {
      reject(listenError(error, { host, port, setting }));
    }
  });
