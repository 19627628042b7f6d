import type { Peer } from './server.ts';

type Fetch = (request: Request, peer?: Peer) => Response | Promise<Response>;

/** Bodies with a `Content-Length` up to this size are always read completely by the host's server. */
const SHORT_BODY_BYTES = 64 * 1024;

/** The limits for reading the rest of a body after its response is ready. */
const MAX_DRAINED_BYTES = 4 * 1024 * 1024;
const MAX_DRAIN_MS = 1_000;

/**
 * Wraps `fetch`: a response that is ready before the end of a long request body waits for the rest of that body, within
 * limits. Otherwise the host's server closes the connection at once, and a client that is still sending gets a
 * connection error instead of the response.
 */
export function lingeringClose(fetch: Fetch): Fetch {
  const respondAfterBody = async (
    request: Request,
    long: ReadableStream<Uint8Array>,
    peer?: Peer,
  ): Promise<Response> => {
    const reader = long.getReader();
    const state = { isRead: false };
    const body = new ReadableStream(
      {
        async pull(controller) {
          state.isRead = true;
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
      },
      // No read-ahead, because workerd rejects a second concurrent read.
      { highWaterMark: 0 },
    );
    const response = await fetch(new Request(request, { body, duplex: 'half' }), peer);
    // A client that waits for 100 Continue has not sent its body, and needs the response to continue.
    if (!state.isRead && peer?.sendContinue !== undefined) return response;
    await Promise.race([drain(reader), pause(MAX_DRAIN_MS)]);
    return response;
  };

  return (request, peer) => {
    if (request.method === 'GET' || request.method === 'HEAD') return fetch(request, peer);
    const length = request.headers.get('Content-Length');
    if (length !== null && Number(length) <= SHORT_BODY_BYTES) return fetch(request, peer);
    // Checked last: on Node, access to `body` opens the stream, which costs more than the rest of a request.
    const { body } = request;
    return body === null ? fetch(request, peer) : respondAfterBody(request, body, peer);
  };
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    for (let drained = 0; drained < MAX_DRAINED_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return;
      drained += value.length;
    }
  } catch {
    // The client has closed the connection.
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
