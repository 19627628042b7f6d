import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import {
  listenError,
  urlAt,
  type HttpServer,
  type OpenHttpServer,
  type Peer,
  type RequestRejection,
  type StandaloneResponse,
} from './server.ts';

/**
 * The length of the queue of connections that wait to be accepted while this process is busy. It is the default maximum
 * on Linux. If the queue is full, a client gets no error and retries after one second, then three, then seven.
 */
const BACKLOG = 4_096;

/** Limits on the resources that clients can use. The server closes a connection that exceeds them. */
export interface Limits {
  readonly connections: number;
  /** The number of fields in the header of a request. */
  readonly headerFields: number;
  /** The time within which the header of the first request must arrive, also for a client that sends nothing. */
  readonly headerTimeoutMs: number;
  /** The time within which a whole request must arrive. */
  readonly requestTimeoutMs: number;
  /** The time within which a client must read a response. */
  readonly readTimeoutMs: number;
  /** The total size of all responses that clients have not read yet, in characters. */
  readonly unreadLength: number;
  /** Pipelined requests of one connection that wait for their responses. */
  readonly pipelined: number;
  /** The number of requests that are handled in one turn of the event loop. Further ones wait for the next turns. */
  readonly requestsPerTurn: number;
}

export const LIMITS: Limits = {
  // An idle connection takes about 5 KiB. If a process may open 20,000 files, 5,000 remain for storage.
  connections: 15_000,
  // 16 KiB hold four thousand. Browsers and proxies send up to fifty.
  headerFields: 200,
  // The slowest phones need three seconds.
  headerTimeoutMs: 10_000,
  // Enough for the largest body at 140 kbit/s. Node's default is five minutes.
  requestTimeoutMs: 15_000,
  // Enough for an ordinary page at 20 kbit/s, and for a hundred of the longest messages at 6 Mbit/s.
  readTimeoutMs: 10_000,
  // About sixteen pages of the longest messages. Above the limit, the connections with the oldest responses are closed.
  unreadLength: 32 * 2 ** 20,
  // Browsers send one at a time, benchmark tools ten. Without a limit, 64 KiB can hold two thousand requests.
  pipelined: 16,
  // A few milliseconds. With more, timers would be late, and so would the statements of requests that have begun. The event
  // loop also accepts only one connection each time it polls: with 64, those of new clients waited for seconds.
  requestsPerTurn: 16,
};

/** How often Node checks for request timeouts. Node's default is twice a minute. */
const TIMEOUT_CHECK_INTERVAL_MS = 1_000;

/** Listens with Node's HTTP server, within `limits`. */
export async function openHttpServer(
  deps: Parameters<OpenHttpServer>[0] & { readonly limits?: Limits },
): Promise<HttpServer> {
  const { fetch, refuse, host, port, limits = LIMITS } = deps;
  /** Requests whose client waits for `100 Continue` before it sends the body. */
  const waiting = new WeakSet<IncomingMessage>();
  const peerOf = (request: IncomingMessage, response: ServerResponse): Peer =>
    waiting.has(request)
      ? {
          remoteAddress: request.socket.remoteAddress,
          sendContinue() {
            if (!response.headersSent && !request.socket.destroyed) response.writeContinue();
          },
          destroy() {
            request.socket.destroy();
          },
        }
      : request.socket;
  const listener = getRequestListener(
    // The listener's types also cover HTTP/2; this server has only HTTP/1.
    (request, { incoming, outgoing }) =>
      fetch(request, peerOf(incoming as IncomingMessage, outgoing as ServerResponse)),
    {
      // Used for HTTP/1.0 requests without a host; all others have one here.
      hostname: 'localhost',
      errorHandler: (error) => {
        const { status, headers, body } = refuse(
          error instanceof RequestError ? 'malformed_request' : 'internal_error',
          undefined,
        );
        return new Response(body, { status, headers });
      },
    },
  );
  const server = createServer({
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
    // The host is checked below, so that its rejection is a problem response like all others.
    requireHostHeader: false,
  });
  server.maxConnections = limits.connections;
  // Node drops further fields silently, although its parser obeys them.
  server.maxHeadersCount = limits.headerFields + 1;

  /** The pending responses of each connection, in the order of their requests. */
  const pending = new Map<Socket, Set<ServerResponse>>();
  const unread = makeUnread(limits);
  const inTurn = makeTurns(limits.requestsPerTurn);
  let pendingCount = 0;
  let closing = false;

  // Node's close() waits five seconds for a keep-alive connection, and waits forever for a connection that was opened
  // in advance and never used, as browsers do.
  let willClose = false;
  const closeIfDone = (): void => {
    if (!closing || pendingCount > 0 || willClose) return;
    // Once per turn of the event loop: it goes through all connections, and each of them calls this when it closes.
    willClose = true;
    setImmediate(() => {
      willClose = false;
      if (pendingCount === 0) server.closeAllConnections();
    });
  };

  const settle = (socket: Socket, response: ServerResponse): void => {
    if (pending.get(socket)?.delete(response)) pendingCount -= 1;
    closeIfDone();
  };

  server.on('connection', (socket) => {
    const responses = new Set<ServerResponse>();
    pending.set(socket, responses);
    socket.once('close', () => {
      pending.delete(socket);
      // Node emits no event for queued responses.
      pendingCount -= responses.size;
      closeIfDone();
    });
  });

  /** Connections that finish their pending responses and accept no further requests. */
  const closingSockets = new WeakSet<Socket>();

  /** Makes `response` the last one of its connection. Later requests are not read. */
  const closeAfter = (socket: Socket, response: ServerResponse): void => {
    announceClose(response);
    response.once('close', () => {
      socket.destroySoon();
    });
    stopReading(socket);
  };

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const responses = pending.get(socket);
    // The connection is closed or closing, and Node still parses requests that arrived before.
    if (responses === undefined || socket.destroyed || closingSockets.has(socket)) return;
    const before = [...responses].at(-1);
    if (before !== undefined && responses.size >= limits.pipelined) {
      closingSockets.add(socket);
      closeAfter(socket, before);
      return;
    }
    responses.add(response);
    pendingCount += 1;
    if (closing) announceClose(response);
    response.once('prefinish', () => {
      unread.watch(response, socket);
    });
    response.once('close', () => {
      settle(socket, response);
    });
    const rejection = rejectionOf(request, limits);
    // Pipelined requests are handled one after another. Otherwise one connection could cause a thousand large responses
    // without reading them.
    const respond = (): void => {
      // The previous response was the last one.
      if (!socket.writable) return;
      if (rejection === null) void listener(request, response);
      else sendStandalone(response, refuse(rejection, request.headers.origin));
    };
    if (before === undefined) inTurn(respond);
    else
      before.once('close', () => {
        inTurn(respond);
      });
  };
  server.on('request', handle);
  // By default Node sends 100 Continue at once, before the header is checked. A final response without a 100 closes the
  // connection (Node does this): the client does not send the body, so no other request can follow.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    handle(request, response);
  });
  // Unknown expectations are ignored.
  server.on('checkExpectation', handle);

  /** Rejects what the client sent, and closes the connection after its pending responses. */
  const rejectAndClose = (socket: Socket, rejection: RequestRejection): void => {
    const responses = [...(pending.get(socket) ?? [])];
    const incomplete = responses.find(({ req }) => !req.complete);
    const response = refuse(rejection, incomplete?.req.headers.origin);
    const lastComplete = responses.findLast(({ req }) => req.complete);
    if (lastComplete !== undefined) {
      // `Connection: close` on the last complete request's response is sufficient.
      closeAfter(socket, lastComplete);
    } else if (socket.writable && !responses.some(({ headersSent }) => headersSent)) {
      socket.write(textOf(response));
      socket.destroySoon();
    } else {
      socket.destroy();
    }
  };

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Node repeats the event for all later data of the connection.
    if (closingSockets.has(socket)) return;
    closingSockets.add(socket);
    // The client reset its connection, which is not an error.
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    rejectAndClose(socket, REJECTIONS[error.code ?? ''] ?? 'malformed_request');
  });
  // By default Node closes the connection at once, without a response.
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    closingSockets.add(socket);
    rejectAndClose(socket, 'malformed_request');
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenError(error, deps));
    });
    // Without a host Node listens on ::, or on 0.0.0.0 if there is no IPv6.
    server.listen({ port, backlog: BACKLOG, ...(host !== '::' && { host }) }, resolve);
  });

  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: urlAt(host, actualPort),

    close() {
      closing = true;
      for (const responses of pending.values()) responses.forEach(announceClose);
      // After close() Node no longer checks for request timeouts.
      setTimeout(() => {
        for (const [socket, responses] of pending) {
          if ([...responses].some(({ req }) => !req.complete)) socket.destroy();
        }
      }, limits.requestTimeoutMs).unref();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        closeIfDone();
      });
    },
  };
}

/** Rejections by Node's error code; all other codes mean `malformed_request`. */
const REJECTIONS: Readonly<Record<string, RequestRejection>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
  HPE_HEADER_OVERFLOW: 'header_too_large',
};

/** Checks the header of a request that Node has accepted: the rejection, or null if it is valid. */
function rejectionOf(
  { httpVersion, headers, rawHeaders }: IncomingMessage,
  { headerFields }: Limits,
): RequestRejection | null {
  // rawHeaders lists names and values in turn.
  if (rawHeaders.length > 2 * headerFields) return 'header_too_large';
  const coding = headers['transfer-encoding'];
  if (httpVersion === '1.0') {
    // Health checks of some load balancers have no host. HTTP/1.0 has no transfer codings (RFC 9112 6.1).
    if (coding !== undefined) return 'malformed_request';
  } else if (!headers.host) {
    return 'malformed_request';
  }
  // Node uses the first host; a proxy in front may have used the last (RFC 9112 3.2).
  if (rawHeaders.filter(isHostName).length > 1) return 'malformed_request';
  // A compressed body is not decoded here, so it would not be JSON (RFC 9112 6.1).
  return coding === undefined || /^chunked$/i.test(coding) ? null : 'unsupported_transfer_coding';
}

/** Whether an element of `rawHeaders`, Node's list of alternating names and values, is the name `Host`. */
function isHostName(text: string, index: number): boolean {
  return index % 2 === 0 && text.length === 4 && text.toLowerCase() === 'host';
}

/**
 * Stops reading from `socket`. `pause()` alone is not enough, since Node's parser bypasses the stream until it has a
 * listener for data.
 */
function stopReading(socket: Socket): void {
  socket.on('readable', () => undefined);
  socket.pause();
}

/**
 * Returns a function that runs at most `perTurn` functions in each turn of the event loop, and further ones in the next
 * turns, in the order of the calls.
 *
 * Without it, the event loop reads ready connections up to 48 times, 1,024 each time, before it runs timers and
 * `setImmediate`. If more clients than that send their next request as soon as they have a response, such as a rejection,
 * timers wait for seconds, and so do the requests that have begun: the Cassandra driver writes statements by `setImmediate`.
 * Running all further functions at the end of a turn would end the waiting, too, but a turn would have as many rejections as
 * there are clients, and the requests that have begun would go one step further only once a turn.
 */
function makeTurns(perTurn: number): (work: () => void) => void {
  const waiting: (() => void)[] = [];
  /**
   * The number of functions that ran since the last `begin`, in this turn or in several. `setImmediate` makes the event loop
   * poll once more, so the next turn begins with `begin` only if it may be needed.
   */
  let count = 0;
  let willBegin = false;
  const add = (added: number): void => {
    count += added;
    if (count < perTurn / 2 || willBegin) return;
    willBegin = true;
    setImmediate(begin);
  };
  const begin = (): void => {
    willBegin = false;
    count = 0;
    const next = waiting.splice(0, perTurn);
    add(next.length);
    for (const work of next) work();
  };
  return (work) => {
    if (count === perTurn) {
      waiting.push(work);
      return;
    }
    add(1);
    work();
  };
}

/**
 * Tracks the responses that clients have not read yet, oldest first. It closes a connection whose response is not read
 * in time, and the connections with the oldest responses if the total size is above the limit.
 */
function makeUnread({ readTimeoutMs, unreadLength }: Limits) {
  const waiting = new Map<Socket, { readonly length: number; readonly timer: NodeJS.Timeout }>();
  let total = 0;

  const remove = (socket: Socket): void => {
    const { length, timer } = waiting.get(socket) ?? {};
    clearTimeout(timer);
    total -= length ?? 0;
    waiting.delete(socket);
  };

  return {
    /** Tracks `response`, which has just been written completely. */
    watch(response: ServerResponse, socket: Socket): void {
      const length = socket.writableLength;
      if (length === 0) return;
      waiting.set(socket, { length, timer: setTimeout(() => socket.destroy(), readTimeoutMs) });
      total += length;
      response.once('close', () => {
        remove(socket);
      });
      for (const oldest of waiting.keys()) {
        if (total <= unreadLength) break;
        remove(oldest);
        oldest.destroy();
      }
    },
  };
}

/** Sends a standalone response as the last one of its connection. */
function sendStandalone(response: ServerResponse, { status, headers, body }: StandaloneResponse): void {
  response.writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  response.end(body);
}

/** A standalone response as the text of an HTTP/1.1 response that closes the connection. */
function textOf({ status, headers, body }: StandaloneResponse): string {
  const lines = Object.entries({
    ...headers,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** Announces in `response` that the connection is closed after it. */
function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
