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

export interface ApiResponse {
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
export type SendRequest = (apiRequest: ApiRequest) => Promise<ApiResponse>;

/** The timeout of clients, far above all timeouts of the service. Without it, a request that hangs would stay unnoticed. */
const CLIENT_TIMEOUT_MS = 20_000;

/** Sends requests to the service at `url` over persistent connections. */
export function makeSendRequest(url: string): SendRequest {
  const agent = new Agent({ keepAlive: true });
  return async ({ method, path, headers, body }) => {
    const { text, ...answer } = await new Promise<Omit<ApiResponse, 'body'> & { text: string }>(
      (resolve, reject) => {
        const outgoing = request(`${url}${path}`, {
          agent,
          method,
          headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
          timeout: CLIENT_TIMEOUT_MS,
        });
        outgoing.once('timeout', () =>
          outgoing.destroy(new Error(`no response within ${CLIENT_TIMEOUT_MS} ms`)),
        );
        outgoing.once('error', reject);
        outgoing.once('response', (response) => {
          let received = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (received += part));
          response.once('error', reject);
          response.once('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text: received });
          });
        });
        outgoing.end(body && JSON.stringify(body));
      },
    );
    // A 204 has no body.
    return { ...answer, body: (text === '' ? {} : JSON.parse(text)) as Body };
  };
}

/** The same function with a bearer token. */
export function withToken(sendRequest: SendRequest, token: string): SendRequest {
  return ({ headers, ...apiRequest }) =>
    sendRequest({ ...apiRequest, headers: { ...headers, Authorization: `Bearer ${token}` } });
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
  readonly sendRequest: SendRequest;
  /** Stops the probes. */
  close(): void;
}

export function balance(urls: readonly string[]): Balancer {
  const instances = urls.map((url) => ({
    sendRequest: makeSendRequest(url),
    probe: makeSendRequest(url),
    ready: false,
  }));
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
    async sendRequest(apiRequest) {
      const deadline = performance.now() + CLIENT_TIMEOUT_MS;
      while (performance.now() < deadline) {
        turn += 1;
        const instance = [...instances.keys()]
          .map((step) => instances[(turn + step) % instances.length]!)
          .find(({ ready }) => ready);
        if (instance === undefined) {
          await pause(PROBE_EVERY_MS);
          continue;
        }
        try {
          return await instance.sendRequest(apiRequest);
        } catch (error) {
          if (!isRefused(error)) throw error;
          instance.ready = false;
        }
      }
      throw new Error(`no instance was ready within ${CLIENT_TIMEOUT_MS} ms`);
    },
    close: () => closing.abort(),
  };
}
