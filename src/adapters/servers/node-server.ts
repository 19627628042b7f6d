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
  type StandaloneAnswer,
} from './server.ts';

/**
 * Connections that may wait to be taken on while this process is busy: as many as Linux allows unless told otherwise.
 * One that finds no room tries again after a second, then three, then seven, and is not told why.
 */
const BACKLOG = 4_096;

/** What clients can make the server keep for them. Whoever asks for more loses the connection, and nobody else. */
export interface Limits {
  readonly connections: number;
  /** The fields in the header of a request. */
  readonly headerFields: number;
  /** The time for the header of a first request, also where nothing comes at all. */
  readonly headerWithinMs: number;
  /** The time for a whole request. */
  readonly requestWithinMs: number;
  /** The time for the reading of an answer. */
  readonly readWithinMs: number;
  /** All answers together that wait to be read, in characters. */
  readonly unreadLength: number;
  /** Requests of one connection that wait for their answers. */
  readonly pipelined: number;
}

export const LIMITS: Limits = {
  // An idle one takes about 5 KiB. Files are left over for storage where a process may open 20,000.
  connections: 15_000,
  // In 16 KiB there is room for four thousand. Browsers and proxies send up to fifty.
  headerFields: 200,
  // The slowest of phones are done in three.
  headerWithinMs: 10_000,
  // Enough for the largest body at 140 kbit/s. Node would wait for five minutes.
  requestWithinMs: 15_000,
  // Enough for an ordinary page at 20 kbit/s, and for a hundred of the longest messages at 6 Mbit/s.
  readWithinMs: 10_000,
  // Some sixteen pages of the longest messages. Whoever has waited longest goes first.
  unreadLength: 32 * 2 ** 20,
  // Browsers send one at a time, tools that measure ten. In 64 KiB there is room for two thousand.
  pipelined: 16,
};

/** How often Node looks for requests that are late. It would do so twice a minute. */
const LOOK_EVERY_MS = 1_000;

/** Listens by Node's own server, within `limits`. */
export async function openHttpServer(
  deps: Parameters<OpenHttpServer>[0] & { readonly limits?: Limits },
): Promise<HttpServer> {
  const { fetch, refuse, host, port, limits = LIMITS } = deps;
  /** The requests whose client waits for `100 Continue` before it sends the body. */
  const waiting = new WeakSet<IncomingMessage>();
  const peerOf = (request: IncomingMessage, response: ServerResponse): Peer =>
    waiting.has(request)
      ? {
          remoteAddress: request.socket.remoteAddress,
          sendContinue() {
            if (!response.headersSent && !request.socket.destroyed) response.writeContinue();
          },
        }
      : request.socket;
  const listener = getRequestListener(
    // Node's own types for the two are narrower than those of the listener, which takes HTTP/2 as well.
    (request, { incoming, outgoing }) =>
      fetch(request, peerOf(incoming as IncomingMessage, outgoing as ServerResponse)),
    {
      // Only HTTP/1.0 comes without a host here.
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
    headersTimeout: limits.headerWithinMs,
    requestTimeout: limits.requestWithinMs,
    connectionsCheckingInterval: LOOK_EVERY_MS,
    // What is wrong with a host is looked at below, so that the rejection is a problem like all others.
    requireHostHeader: false,
  });
  server.maxConnections = limits.connections;
  // Node passes over the fields beyond it, though its parser obeys them.
  server.maxHeadersCount = limits.headerFields + 1;

  /** The answers that each connection is owed, in the order of their requests. */
  const owed = new Map<Socket, Set<ServerResponse>>();
  const unread = makeUnread(limits);
  let unanswered = 0;
  let closing = false;

  // Node's own close() waits five seconds for a connection that stays open after its answer, and without end for
  // one that was opened ahead and never used, as browsers do.
  const closeUnused = (): void => {
    if (closing && unanswered === 0) server.closeAllConnections();
  };

  const settle = (socket: Socket, response: ServerResponse): void => {
    if (owed.get(socket)?.delete(response)) unanswered -= 1;
    closeUnused();
  };

  server.on('connection', (socket) => {
    const answers = new Set<ServerResponse>();
    owed.set(socket, answers);
    socket.once('close', () => {
      owed.delete(socket);
      // Of the answers in its queue Node says nothing.
      unanswered -= answers.size;
      closeUnused();
    });
  });

  /** Connections that answer what they still owe and take no further request. */
  const ended = new WeakSet<Socket>();

  /** Makes `response` the last of its connection. What comes after it is not read. */
  const endAfter = (socket: Socket, response: ServerResponse): void => {
    letGo(response);
    response.once('close', () => {
      socket.destroySoon();
    });
    stopReading(socket);
  };

  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const answers = owed.get(socket);
    // Its connection was cut or ends, and the rest of what had come by then is still being parsed.
    if (answers === undefined || socket.destroyed || ended.has(socket)) return;
    const before = [...answers].at(-1);
    if (before !== undefined && answers.size >= limits.pipelined) {
      ended.add(socket);
      endAfter(socket, before);
      return;
    }
    answers.add(response);
    unanswered += 1;
    if (closing) letGo(response);
    response.once('prefinish', () => {
      unread.watch(response, socket);
    });
    response.once('close', () => {
      settle(socket, response);
    });
    const why = rejectionOf(request, limits);
    // In turn, or a single connection could have a thousand large answers made that it never reads.
    const answer = (): void => {
      // The answer before was the last one.
      if (!socket.writable) return;
      if (why === null) void listener(request, response);
      else sendStandalone(response, refuse(why, request.headers.origin));
    };
    if (before === undefined) answer();
    else before.once('close', answer);
  };
  server.on('request', take);
  // Node would send the 100 at once, before anyone has looked at the header. An answer without it ends the connection,
  // which Node sees to: the client does not send the body, so no other request can follow it.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    take(request, response);
  });
  // An expectation that nobody knows may be passed over.
  server.on('checkExpectation', take);

  /** Says why the connection ends here, after the answers that it is owed. */
  const end = (socket: Socket, why: RequestRejection): void => {
    const answers = [...(owed.get(socket) ?? [])];
    const unfinished = answers.find(({ req }) => !req.complete);
    const answer = refuse(why, unfinished?.req.headers.origin);
    const whole = answers.findLast(({ req }) => req.complete);
    if (whole !== undefined) {
      // That its answer is the last one says enough.
      endAfter(socket, whole);
    } else if (socket.writable && !answers.some(({ headersSent }) => headersSent)) {
      socket.write(textOf(answer));
      socket.destroySoon();
    } else {
      socket.destroy();
    }
  };

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Node says so again with all that follows.
    if (ended.has(socket)) return;
    ended.add(socket);
    // The client reset its connection, and did nothing wrong.
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    end(socket, FAULTS[error.code ?? ''] ?? 'malformed_request');
  });
  // Node would cut the connection at once.
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    ended.add(socket);
    end(socket, 'malformed_request');
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenError(error, deps));
    });
    // Without a host Node takes ::, and 0.0.0.0 where there is no IPv6.
    server.listen({ port, backlog: BACKLOG, ...(host !== '::' && { host }) }, resolve);
  });

  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: urlAt(host, actualPort),

    close() {
      closing = true;
      for (const answers of owed.values()) answers.forEach(letGo);
      // Node no longer looks for requests that are late.
      setTimeout(() => {
        for (const [socket, answers] of owed) {
          if ([...answers].some(({ req }) => !req.complete)) socket.destroy();
        }
      }, limits.requestWithinMs).unref();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        closeUnused();
      });
    },
  };
}

/** What Node says of what it could not read; all else is malformed. */
const FAULTS: Readonly<Record<string, RequestRejection>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
  HPE_HEADER_OVERFLOW: 'header_too_large',
};

/** What is wrong with a request that Node has taken, by its header; null where it may be asked. */
function rejectionOf(
  { httpVersion, headers, rawHeaders }: IncomingMessage,
  { headerFields }: Limits,
): RequestRejection | null {
  // Names and values are members of one list.
  if (rawHeaders.length > 2 * headerFields) return 'header_too_large';
  const coding = headers['transfer-encoding'];
  if (httpVersion === '1.0') {
    // Health checks of some load balancers have no host. Where a body ends was not yet said like this (RFC 9112 6.1).
    if (coding !== undefined) return 'malformed_request';
  } else if (!headers.host) {
    return 'malformed_request';
  }
  // Node keeps the first host, whoever stands in front may have kept the last (RFC 9112 3.2).
  if (rawHeaders.filter(isHostName).length > 1) return 'malformed_request';
  // Chunks of what was compressed are no JSON (RFC 9112 6.1).
  return coding === undefined || /^chunked$/i.test(coding) ? null : 'unsupported_transfer_coding';
}

/** Whether a member of Node's list of names and values is the name `Host`. */
function isHostName(text: string, index: number): boolean {
  return index % 2 === 0 && text.length === 4 && text.toLowerCase() === 'host';
}

/**
 * Reads nothing more from `socket`. `pause()` alone does not, since Node's parser reads past the stream until somebody
 * listens for data.
 */
function stopReading(socket: Socket): void {
  socket.on('readable', () => undefined);
  socket.pause();
}

/** Answers that are made and not yet read, oldest first: each for a time, and all together within bounds. */
function makeUnread({ readWithinMs, unreadLength }: Limits) {
  const waiting = new Map<Socket, { readonly length: number; readonly timer: NodeJS.Timeout }>();
  let total = 0;

  const forget = (socket: Socket): void => {
    const { length, timer } = waiting.get(socket) ?? {};
    clearTimeout(timer);
    total -= length ?? 0;
    waiting.delete(socket);
  };

  return {
    /** Looks after `response`, which has just been handed over whole. */
    watch(response: ServerResponse, socket: Socket): void {
      const length = socket.writableLength;
      if (length === 0) return;
      waiting.set(socket, { length, timer: setTimeout(() => socket.destroy(), readWithinMs) });
      total += length;
      response.once('close', () => {
        forget(socket);
      });
      for (const oldest of waiting.keys()) {
        if (total <= unreadLength) break;
        forget(oldest);
        oldest.destroy();
      }
    },
  };
}

/** Sends `answer` as the last one of its connection. */
function sendStandalone(response: ServerResponse, { status, headers, body }: StandaloneAnswer): void {
  response.writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  response.end(body);
}

/** An answer as it goes over the wire; the connection ends with it. */
function textOf({ status, headers, body }: StandaloneAnswer): string {
  const lines = Object.entries({
    ...headers,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** Tells the client with the answer that its connection ends here. */
function letGo(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
