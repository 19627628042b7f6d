import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cursorAt, type List } from '../../src/adapters/http/cursors.ts';
import type { Position, UserId } from '../../src/domain/ids.ts';
import type { Message } from '../../src/domain/message.ts';
import { timestampOf } from '../../src/domain/time.ts';

/** Handles the requests of the benchmark; resolves with the value to respond with as JSON. */
export interface Answers {
  /** A send, with the JSON of its body and its idempotency key. */
  readonly send: (body: string, key: string | undefined) => Promise<object>;
  /** A page, for the path and the query. */
  readonly read: (path: string, query: URLSearchParams | null) => Promise<object>;
}

/** The body of a send. */
export interface Body {
  readonly sender_id: UserId;
  readonly receiver_id: UserId;
  readonly content: string;
}

/** The rows of a page. */
export const LIMIT = 20;

/** A page of `list` in the form of the service: the first rows of `found`, and a cursor after them if there are more. */
export function pageOf<Row>(
  list: List,
  found: readonly Row[],
  viewOf: (row: Row) => object,
  positionOf: (row: Row) => Position,
): object {
  const shown = found.slice(0, LIMIT);
  const isMore = found.length > LIMIT;
  return {
    data: shown.map(viewOf),
    limit: LIMIT,
    next_cursor: isMore ? cursorAt(list, positionOf(shown.at(-1)!)) : null,
  };
}

/** A message that was not changed, in the form of the service. */
export function messageView(
  message: Pick<Message, 'id' | 'conversationId' | 'senderId' | 'receiverId' | 'content'>,
): object {
  return {
    id: message.id,
    conversation_id: message.conversationId,
    sender_id: message.senderId,
    receiver_id: message.receiverId,
    content: message.content,
    created_at: timestampOf(message.id),
    edited_at: null,
    deleted_at: null,
  };
}

/** Serves `answers` on bare node:http. */
export function bareHttp({ send, read }: Answers): RequestListener {
  const answerTo = async (request: IncomingMessage): Promise<object> => {
    if (request.method === 'POST') {
      return send(await textOf(request), request.headers['idempotency-key'] as string | undefined);
    }
    const [path = '', query] = (request.url ?? '').split('?');
    return read(path, query === undefined ? null : new URLSearchParams(query));
  };
  return (request, response) => {
    answerTo(request).then(
      (answer) => {
        const text = JSON.stringify(answer);
        response.writeHead(request.method === 'POST' ? 201 : 200, {
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(text),
        });
        response.end(text);
      },
      (error: unknown) => {
        const text = String(error);
        response.writeHead(500, { 'Content-Length': Buffer.byteLength(text) });
        response.end(text);
      },
    );
  };
}

function textOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (text += part));
    request.on('end', () => {
      resolve(text);
    });
    request.on('error', reject);
  });
}

/** The last segment of a path. */
export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Listens on a free port of HOST and logs the address in the format of the service. */
export function serve(server: Server): void {
  const host = process.env['HOST'] ?? '127.0.0.1';
  server.listen(0, host, () => {
    console.log(`Ready at http://${host}:${(server.address() as AddressInfo).port}`);
  });
  process.on('SIGTERM', () => process.exit(0));
}
