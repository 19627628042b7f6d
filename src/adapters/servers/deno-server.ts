import { listenError, urlAt, type OpenHttpServer } from './server.ts';

interface ServedBy {
  readonly remoteAddr: { readonly hostname: string };
}

/** What is used of Deno. Its own types would claim the globals of every other host's files as well. */
declare const Deno: {
  serve(
    options: { readonly hostname: string; readonly port: number; readonly onListen: () => void },
    handler: (request: Request, info: ServedBy) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly port: number };
    /** Takes no further connection, cuts off bodies that are still arriving, and resolves when all is answered. */
    shutdown(): Promise<void>;
  };
};

/** Listens by Deno's own server. */
export const openDenoServer: OpenHttpServer = ({ fetch, host, port, setting }) =>
  new Promise((resolve, reject) => {
    const unanswered = new Set<Promise<Response>>();
    const answer = (request: Request, { remoteAddr }: ServedBy): Promise<Response> => {
      const response = Promise.resolve(fetch(request, { remoteAddress: remoteAddr.hostname }));
      unanswered.add(response);
      void response.finally(() => unanswered.delete(response));
      return response;
    };
    try {
      const server = Deno.serve({ hostname: host, port, onListen: () => undefined }, answer);
      resolve({
        url: urlAt(host, server.addr.port),
        async close() {
          // First those that have begun: their bodies may not be here yet.
          await Promise.allSettled(unanswered);
          await server.shutdown();
        },
      });
    } catch (error) {
      reject(listenError(error, { host, port, setting }));
    }
  });
