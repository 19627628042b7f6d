import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** A request to a service. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
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

/** The fields of JSON responses that are read; each response has some of them. */
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
  readonly last_message_id: string | null;
  readonly last_message_content: string | null;
}

/** Sends a request to the service. Rejects with the error of the socket if there is no response. */
export type Ask = (apiRequest: ApiRequest) => Promise<Answer>;

/** The timeout of clients, far above all timeouts of the service. Without it, a request that hangs would stay unnoticed. */
const GIVE_UP_MS = 20_000;

/** Sends requests to the service at `url` over persistent connections. */
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
    // A 204 has no body.
    return { ...answer, body: (text === '' ? {} : JSON.parse(text)) as Body };
  };
}

/** `ask` with a bearer token. */
export function withToken(ask: Ask, token: string): Ask {
  return ({ headers, ...apiRequest }) =>
    ask({ ...apiRequest, headers: { ...headers, Authorization: `Bearer ${token}` } });
}

/** Whether the connection was refused, so that the request was not sent. */
export function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
}

const PROBE_EVERY_MS = 100;

/**
 * Sends requests to several instances in turn, like a simple load balancer. An instance whose /readyz fails gets no
 * requests. If an instance refuses the connection, the request goes to the next one, since nothing was sent. Any other
 * error is returned to the client.
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
