/** A listening HTTP server. */
export interface HttpServer {
  /** Its URL from this host. */
  readonly url: string;
  /** Answers all received requests, and resolves when all connections are closed. */
  close(): Promise<void>;
}

/** The other end of a connection. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  /** Sends `100 Continue`. Undefined if the client does not wait for it. */
  readonly sendContinue?: (() => void) | undefined;
  /** Closes the connection at once. Undefined if the host cannot do this. */
  readonly destroy?: (() => void) | undefined;
}

/** The reason why a server answers without calling `fetch`, or closes a connection. */
export type RequestRejection =
  | 'malformed_request'
  | 'header_too_large'
  | 'request_too_slow'
  | 'unsupported_transfer_coding'
  | 'internal_error';

/** A response that is made without a `Request`. */
export interface StandaloneResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Listens on `port` (0: any free port) of `host`; `::` means all addresses, IPv4 and IPv6. Rejects with a
 * `ListenError`, which names the `setting` of the port (default: `PORT`).
 */
export type OpenHttpServer = (deps: {
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
  /**
   * Called once for each rejection. The returned response is sent if the connection still allows it. `origin` is the
   * request's `Origin` header, if known. The servers of Bun and Deno reject requests internally and never call it.
   */
  readonly refuse: (rejection: RequestRejection, origin: string | undefined) => StandaloneResponse;
  readonly host: string;
  readonly port: number;
  readonly setting?: string | undefined;
}) => Promise<HttpServer>;

/** The server can't listen on this address. The message is a sentence for the operator. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly setting?: string | undefined;
}

/** The `ListenError` for a host's error. All hosts use the error codes of the operating system. */
export function listenError(error: unknown, address: ListenAddress): ListenError {
  return new ListenError(messageFor((error as { code?: string }).code, address), { cause: error });
}

function messageFor(code: string | undefined, { host, port, setting = 'PORT' }: ListenAddress): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} is in use by another process: set ${setting} to another port.`;
  }
  if (code === 'EACCES') return `This user may not open port ${port}: set ${setting} to another port.`;
  // For a host name that can't be resolved, Deno's error has no code.
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL', undefined].includes(code)) {
    return `${host} is not an address of this host: change HOST.`;
  }
  return `Port ${port} can't be opened (${code}).`;
}

/** The URL, from this host, of a server that listens on `host` and `port`. */
export function urlAt(host: string, port: number): string {
  if (host === '::' || host === '0.0.0.0') return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
