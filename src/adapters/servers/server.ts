/** A server of the host's that is listening. */
export interface HttpServer {
  /** Where it is reached from this host. */
  readonly url: string;
  /** Answers the requests that have arrived, and resolves when all connections are gone. */
  close(): Promise<void>;
}

/** The other end of a connection. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  /** Tells a client that waits for `100 Continue` to send the body. Undefined where none waits. */
  readonly sendContinue?: (() => void) | undefined;
  /** Cuts the connection. Undefined where the host can't. */
  readonly destroy?: (() => void) | undefined;
}

/** Why a server answers by itself, without asking `fetch`, or ends a connection. */
export type RequestRejection =
  | 'malformed_request'
  | 'header_too_large'
  | 'request_too_slow'
  | 'unsupported_transfer_coding'
  | 'internal_error';

/** An answer that needs no request. */
export interface StandaloneAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Listens at `port` (0 takes a free one) of `host`; `::` is every address, IPv4 and IPv6. Rejects with a `ListenError`, which names the
 * setting that the port is of: `PORT`, unless told.
 */
export type OpenHttpServer = (deps: {
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
  /**
   * Told of each rejection, once; the answer is sent where one still can be. `origin` is the page that the request came
   * from, where it is known. The servers of Bun and Deno reject by themselves, and tell nobody.
   */
  readonly refuse: (why: RequestRejection, origin: string | undefined) => StandaloneAnswer;
  readonly host: string;
  readonly port: number;
  readonly setting?: string | undefined;
}) => Promise<HttpServer>;

/** Why there is no server at this address, in a sentence for people. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly setting?: string | undefined;
}

/** What a host's error says to people. All hosts use the codes of the system. */
export function listenError(error: unknown, place: Place): ListenError {
  return new ListenError(sentenceFor((error as { code?: string }).code, place), { cause: error });
}

function sentenceFor(code: string | undefined, { host, port, setting = 'PORT' }: Place): string {
  if (code === 'EADDRINUSE') return `Port ${port} is taken by another process: choose another in ${setting}.`;
  if (code === 'EACCES') return `Port ${port} may not be opened by this user: choose another in ${setting}.`;
  // Deno has no code for a name that is none.
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL', undefined].includes(code)) {
    return `${host} is no address of this host: change HOST.`;
  }
  return `Port ${port} can't be opened (${code}).`;
}

/** Where a server at `host` and `port` is reached from this host. */
export function urlAt(host: string, port: number): string {
  if (host === '::' || host === '0.0.0.0') return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
