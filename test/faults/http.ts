import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** A request to a service. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
}

/** What is looked at in the JSON of answers; each has some of it. */
export interface Body {
  readonly id: string;
  readonly type: string;
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

/** A message of a history, or a row of an inbox. */
export interface Item {
  readonly id: string;
  readonly content: string;
  readonly last_message_id: string;
}

/** Puts a apiRequest to the service, wherever that is. Rejects with what the socket says where there is no answer. */
export type Ask = (apiRequest: ApiRequest) => Promise<Answer>;

/** Far beyond any deadline of the service: a client that never gives up would hide a request that hangs. */
const GIVE_UP_MS = 20_000;

/** Asks the service at a URL over connections that are kept. */
export function makeAsk(url: string): Ask {
  const agent = new Agent({ keepAlive: true });
  return async ({ method, path, headers, body }) => {
    const { text, ...answer } = await new Promise<Omit<Answer, 'body'> & { text: string }>(
      (resolve, reject) => {
        const asked = request(`${url}${path}`, {
          agent,
          method,
          headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
          timeout: GIVE_UP_MS,
        });
        asked.once('timeout', () => asked.destroy(new Error(`no answer within ${GIVE_UP_MS} ms`)));
        asked.once('error', reject);
        asked.once('response', (response) => {
          let received = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (received += part));
          response.once('error', reject);
          response.once('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text: received });
          });
        });
        asked.end(body && JSON.stringify(body));
      },
    );
    return { ...answer, body: JSON.parse(text) as Body };
  };
}

/** Whether `error` says that the apiRequest never left: nobody listened. */
export function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
}

const PROBE_EVERY_MS = 100;

/**
 * Puts questions to several instances in turn, like a plain load balancer: an instance that is not ready by its
 * /readyz gets none, and one that refuses the connection passes its apiRequest on, as nothing was sent. Any other
 * failure is the asker's.
 */
export interface Balancer {
  readonly ask: Ask;
  /** Stops the probes. */
  close(): void;
}

export function balance(urls: readonly string[]): Balancer {
  const instances = urls.map((url) => ({ ask: makeAsk(url), probe: makeAsk(url), ready: false }));
  const closing = new AbortController();
  let turn = 0;

  for (const instance of instances) {
    void (async () => {
      while (!closing.signal.aborted) {
        const answer = await instance.probe({ method: 'GET', path: '/readyz' }).catch(() => null);
        instance.ready = answer?.status === 200;
        await pause(PROBE_EVERY_MS);
      }
    })();
  }

  return {
    async ask(apiRequest) {
      const giveUp = performance.now() + GIVE_UP_MS;
      while (performance.now() < giveUp) {
        turn += 1;
        const instance = [...instances.keys()]
          .map((step) => instances[(turn + step) % instances.length]!)
          .find(({ ready }) => ready);
        if (instance === undefined) {
          await pause(PROBE_EVERY_MS);
          continue;
        }
        try {
          return await instance.ask(apiRequest);
        } catch (error) {
          if (!isRefused(error)) throw error;
          instance.ready = false;
        }
      }
      throw new Error(`no instance was ready within ${GIVE_UP_MS} ms`);
    },
    close: () => closing.abort(),
  };
}
