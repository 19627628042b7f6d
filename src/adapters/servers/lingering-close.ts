import type { Peer } from './server.ts';

type Fetch = (request: Request, peer?: Peer) => Response | Promise<Response>;

/** Bodies up to here, by what they say of their length, are taken in whole by whoever answers. */
const SHORT_BYTES = 64 * 1024;

/** How much of a body is still taken in when its answer is there already, and for how long. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_MS = 1_000;

/**
 * The same, but an answer that comes before the end of a long body waits for the rest of it, within bounds. Hosts would
 * close the connection at once, and a client that is still sending then finds its connection broken, and not the answer
 * that says why.
 */
export function lingeringClose(fetch: Fetch): Fetch {
  const answerLong = async (
    request: Request,
    long: ReadableStream<Uint8Array>,
    peer?: Peer,
  ): Promise<Response> => {
    const reader = long.getReader();
    const seen = { isRead: false };
    const body = new ReadableStream(
      {
        async pull(controller) {
          seen.isRead = true;
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
      },
      // Reads nothing ahead: of two reads at a time workerd refuses one.
      { highWaterMark: 0 },
    );
    const response = await fetch(new Request(request, { body, duplex: 'half' }), peer);
    // A client that waits for 100 Continue has sent nothing, and needs the answer to go on.
    if (!seen.isRead && peer?.sendContinue !== undefined) return response;
    await Promise.race([takeInRest(reader), pause(MOST_MS)]);
    return response;
  };

  return (request, peer) => {
    if (request.method === 'GET' || request.method === 'HEAD') return fetch(request, peer);
    const length = request.headers.get('Content-Length');
    if (length !== null && Number(length) <= SHORT_BYTES) return fetch(request, peer);
    // Looked at last: on Node it opens the stream, which costs more than the rest of a request.
    const { body } = request;
    return body === null ? fetch(request, peer) : answerLong(request, body, peer);
  };
}

async function takeInRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    for (let taken = 0; taken < MOST_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return;
      taken += value.length;
    }
  } catch {
    // Whoever sent it is gone, and so is the rest.
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
