import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { components } from '../../client/src/schema.ts';
import { registerSecret } from '../support/log-leak-guard.ts';

/** The messenger as a client sees it. An implementation for a remote server forwards the request. */
export type Fetch = (request: Request) => Promise<Response>;

/** The host in the URL of every request. */
export const ORIGIN = 'http://messenger.test';

/** A response and its body as text. */
export interface TextResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text parsed as JSON; undefined if it is not JSON. */
  readonly body: unknown;
}

type Schemas = components['schemas'];

export type Message = Schemas['Message'];
export type Conversation = Schemas['Conversation'];
export type InboxRow = Schemas['InboxRow'];
export type User = Schemas['User'];

export interface Page<Item> {
  readonly data: readonly Item[];
  readonly limit: number;
  readonly page?: number;
  readonly next_cursor: string | null;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly errors?: readonly {
    readonly pointer?: string;
    readonly parameter?: string;
    readonly header?: string;
    readonly detail: string;
  }[];
}

/** The response to `method` on `path`. A body that is neither text nor bytes is sent as JSON. */
export async function sendRequest(
  fetch: Fetch,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<TextResponse> {
  registerSecret(headers['Authorization'], headers['Idempotency-Key'], /\/users?\/([^/?]+)/.exec(path)?.[1]);
  registerSecret(...(isRecord(body) ? Object.values(body).flat() : [body]));
  const raw = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream;
  const init = {
    method,
    headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
    body: body === undefined ? null : raw ? body : JSON.stringify(body),
    duplex: 'half',
  };
  const response = await fetch(new Request(ORIGIN + path, init as RequestInit));
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: jsonOf(text) };
}

function isRecord(body: unknown): body is Record<string, unknown> {
  return typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const get = (fetch: Fetch, path: string) => sendRequest(fetch, 'GET', path);

/** The body of a 200 response to a GET of `path`. */
async function found(fetch: Fetch, path: string): Promise<unknown> {
  const { status, text, body } = await get(fetch, path);
  assert.equal(status, 200, text);
  return body;
}

/** Sends a message and requires a 201. */
export async function send(
  fetch: Fetch,
  sender: string | number,
  receiver: string | number,
  content = 'Hello',
): Promise<Message> {
  const body = { sender_id: sender, receiver_id: receiver, content };
  const answer = await sendRequest(fetch, 'POST', '/api/messages', { body });
  assert.equal(answer.status, 201, answer.text);
  return answer.body as Message;
}

/** Sends messages sequentially and returns them newest first. */
export async function sendMany(
  fetch: Fetch,
  sender: string,
  receiver: string,
  count: number,
): Promise<Message[]> {
  const sent: Message[] = [];
  for (let n = 1; n <= count; n += 1) sent.unshift(await send(fetch, sender, receiver, `No. ${n}`));
  return sent;
}

/** Marks a conversation as read; undefined members are omitted from the body. */
export function markRead(
  fetch: Fetch,
  conversation: string,
  user: string | undefined,
  upTo: unknown,
): Promise<TextResponse> {
  const body = { user_id: user, up_to: upTo };
  return sendRequest(fetch, 'PUT', `/api/conversations/${conversation}/read`, { body });
}

export const messagePathOf = ({ conversation_id, id }: Pick<Message, 'conversation_id' | 'id'>) =>
  `/api/conversations/${conversation_id}/messages/${id}`;

export const edit = (fetch: Fetch, message: Pick<Message, 'conversation_id' | 'id'>, content: unknown) =>
  sendRequest(fetch, 'PATCH', messagePathOf(message), { body: { content } });

export const remove = (fetch: Fetch, message: Pick<Message, 'conversation_id' | 'id'>) =>
  sendRequest(fetch, 'DELETE', messagePathOf(message));

export const historyOf = (conversation: string) => `/api/messages/conversation/${conversation}`;
export const inboxOf = (user: string) => `/api/conversations/user/${user}`;

export async function messagesAt(fetch: Fetch, path: string): Promise<Page<Message>> {
  return (await found(fetch, path)) as Page<Message>;
}

export async function rowsAt(fetch: Fetch, path: string): Promise<Page<InboxRow>> {
  return (await found(fetch, path)) as Page<InboxRow>;
}

export async function conversationAt(fetch: Fetch, id: string): Promise<Conversation> {
  return (await found(fetch, `/api/conversations/${id}`)) as Conversation;
}

/** Asserts that `response` is a problem with this status and type (the last part of its URN), and returns it. */
export function problemIn(response: TextResponse, status: number, type: string): Problem {
  assert.equal(response.status, status, response.text);
  assert.equal(response.headers.get('Content-Type'), 'application/problem+json');
  const problem = response.body as Problem;
  assert.equal(problem.status, status);
  assert.equal(problem.type, `urn:problem:messenger:${type}`);
  assert.equal(problem.instance, `urn:messenger:request:${response.headers.get('X-Request-Id')}`);
  assert.notEqual(problem.title, '');
  assert.notEqual(problem.detail, '');
  return problem;
}

/** Asserts that `response` is a 400 with errors for exactly these parts, such as `parameter limit`. */
export function assertFieldErrors(response: TextResponse, ...parts: readonly string[]): void {
  const { errors = [] } = problemIn(response, 400, 'invalid-request');
  const named = errors.map(({ detail, ...place }) => {
    assert.notEqual(detail, '');
    return Object.entries(place).flat().join(' ');
  });
  assert.deepEqual(named.sort(), [...parts].sort());
}

/** Asserts that `actual` has the members of `expected`. The OpenAPI document defines which further members it has. */
export function assertMembers(actual: object | undefined, expected: object): void {
  assert.deepEqual(actual, { ...actual, ...expected });
}

export function freshUser(): string {
  return `user-${randomUUID()}`;
}

export function freshUsers(): [string, string] {
  return [freshUser(), freshUser()];
}

export interface Event {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

export interface EventList {
  readonly data: readonly Event[];
  readonly next_cursor: string;
}

export const eventsOf = (user: string) => `/api/events/user/${user}`;

/** A list of events, in JSON. */
export async function eventsAt(fetch: Fetch, path: string): Promise<EventList> {
  return (await found(fetch, path)) as EventList;
}

/** A block of a stream of server-sent events. */
export interface Block {
  readonly comment: boolean;
  readonly id?: string;
  readonly event?: string;
  readonly retry?: string;
  readonly data?: Event;
}

/** An event stream as a client reads it. */
export interface Stream {
  readonly response: Response;
  /** The next block; null at the end of the stream. Rejects if the connection breaks. */
  readonly next: () => Promise<Block | null>;
  /** The next block that contains an event. */
  readonly nextEvent: () => Promise<Block & { readonly data: Event }>;
  /** The last received id. */
  readonly lastId: () => string;
  readonly close: () => Promise<void>;
}

/** Opens an event stream at `path`. */
export async function openStream(
  fetch: Fetch,
  path: string,
  headers: Record<string, string> = {},
): Promise<Stream> {
  registerSecret(/\/users?\/([^/?]+)/.exec(path)?.[1]);
  const response = await fetch(
    new Request(ORIGIN + path, { headers: { Accept: 'text/event-stream', ...headers } }),
  );
  assert.equal(response.status, 200, response.status === 200 ? '' : await response.text());
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  let lastId = '';
  const next = async (): Promise<Block | null> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const block = blockOf(text.slice(0, end));
        text = text.slice(end + 2);
        lastId = block.id ?? lastId;
        return block;
      }
      const { done, value } = await reader.read();
      if (done) return null;
      text += decoder.decode(value, { stream: true });
    }
  };
  return {
    response,
    next,
    async nextEvent() {
      for (;;) {
        const block = await next();
        assert.ok(block, 'the stream goes on');
        if (block.data !== undefined) return block as Block & { data: Event };
      }
    },
    lastId: () => lastId,
    close: () => reader.cancel(),
  };
}

function blockOf(text: string): Block {
  const lines = text.split('\n').filter((line) => line !== '');
  const fields = Object.fromEntries(
    lines
      .filter((line) => !line.startsWith(':'))
      .map((line) => /^(\w+): (.*)$/.exec(line)?.slice(1) ?? [line]),
  ) as Record<string, string>;
  const { data, ...rest } = fields;
  return {
    comment: lines.some((line) => line.startsWith(':')),
    ...rest,
    ...(data !== undefined && { data: JSON.parse(data) as Event }),
  };
}
