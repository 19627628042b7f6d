import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { isRefused, type ApiResponse, type SendRequest } from './http.ts';

/** A group that exists. */
export interface Group {
  readonly id: string;
  readonly members: readonly UserId[];
}

/** A message to send. Its content is unique, so that duplicates are found. */
export interface Send {
  readonly sender: UserId;
  /** Ignored if there is a group. */
  readonly receiver: UserId;
  readonly group?: Group;
  readonly content: string;
  readonly key: string | null;
}

/** The requests of a load. */
type Kind = 'send' | 'send with a key' | 'read';

/** One request and its result. */
export interface Attempt {
  readonly kind: Kind | 'change of a message' | 'change of a group';
  /** The time of sending, by performance.now(). */
  readonly at: number;
  /** Milliseconds until the response or the failure. */
  readonly took: number;
  /** The status; `refused` if the request was not sent, `unanswered` if it was sent without a response. */
  readonly outcome: number | 'refused' | 'unanswered';
  /** The type of the problem in the response, without its prefix. */
  readonly problem: string | null;
  /** The sent message; null for other requests. */
  readonly send: Send | null;
  /** The id of the acknowledged message. */
  readonly messageId: string | null;
  /** The messages in the response to a read that missed an earlier acknowledged one; otherwise null. */
  readonly stale: readonly string[] | null;
  /** The Retry-After of the response, in seconds. */
  readonly retryAfter: string | null;
}

/** Clients in a closed loop: each sends a request, waits for the response, pauses, and repeats. */
export interface Load {
  /** The completed requests. */
  readonly attempts: readonly Attempt[];
  /** Resolves when `count` more requests are completed. */
  progress(count: number): Promise<void>;
  /** Starts no more requests, and waits for those in progress. */
  stop(): Promise<void>;
}

const REPEAT_AFTER_MS = 200;

/** Fresh users. */
export function usersOf(size: number): UserId[] {
  const name = randomUUID().slice(0, 8);
  return Array.from({ length: size }, (_, index) => `${name}-${index}` as UserId);
}

/** The id of the conversation of two users. */
export function conversationOf(one: UserId, other: UserId): string {
  return conversationIdOf(participantsOf(one, other));
}

/** The id of the conversation of a send. */
export function conversationIdIn({ sender, receiver, group }: Send): string {
  return group?.id ?? conversationOf(sender, receiver);
}

/** The users who get a message. */
export function recipientsOf({ sender, receiver, group }: Send): readonly UserId[] {
  return group?.members ?? [sender, receiver];
}

/** Creates a group of `members`; again with the same key while the service is overloaded. */
export async function createGroup(sendRequest: SendRequest, members: readonly UserId[]): Promise<Group> {
  const body = { participant_ids: members, creator_id: members[0] };
  const headers = { 'Idempotency-Key': randomUUID() };
  for (;;) {
    const answer = await sendRequest({ method: 'POST', path: '/api/conversations', headers, body });
    if (answer.status === 201) return { id: answer.body.id, members };
    assert.equal(answer.status, 503);
    await pause(REPEAT_AFTER_MS);
  }
}

/** Sends `send` to the service. */
export function post(
  sendRequest: SendRequest,
  { sender, receiver, group, content, key }: Send,
): Promise<ApiResponse> {
  return sendRequest({
    method: 'POST',
    path: group === undefined ? '/api/messages' : `/api/conversations/${group.id}/messages`,
    ...(key !== null && { headers: { 'Idempotency-Key': key } }),
    body: { sender_id: sender, ...(group === undefined && { receiver_id: receiver }), content },
  });
}

/** The share of the sends that go to a group by default, if there are groups. */
const GROUP_SHARE = 0.25;

/** Sends `send` with a key of its own until it is acknowledged. Rejects if it is refused, except by a 503. */
export async function postUntilStored(
  sendRequest: SendRequest,
  send: Omit<Send, 'key'>,
): Promise<ApiResponse['body']> {
  const key = randomUUID();
  for (;;) {
    const { status, body } = await post(sendRequest, { ...send, key });
    if (status === 201) return body;
    if (status !== 503) throw new Error(`a send was answered ${status}`);
    await pause(REPEAT_AFTER_MS);
  }
}

/** Sends a request. Resolves with its result and with the response, null if there is none. */
export async function attempt(
  {
    kind,
    send = null,
    staleIn = () => null,
  }: {
    readonly kind: Attempt['kind'];
    readonly send?: Send | null;
    readonly staleIn?: (answer: ApiResponse) => readonly string[] | null;
  },
  apiRequest: () => Promise<ApiResponse>,
): Promise<{ readonly result: Attempt; readonly answer: ApiResponse | null }> {
  const at = performance.now();
  const resultOf = (outcome: Attempt['outcome'], answer: ApiResponse | null): Attempt => {
    const succeeded = answer !== null && answer.status < 300;
    const isProblem = answer?.headers['content-type'] === 'application/problem+json';
    return {
      kind,
      at,
      took: performance.now() - at,
      outcome,
      problem: isProblem ? answer.body.type.replace(/^.*:/, '') : null,
      send,
      messageId: succeeded && send !== null ? answer.body.id : null,
      stale: succeeded ? staleIn(answer) : null,
      retryAfter: answer?.headers['retry-after'] ?? null,
    };
  };
  try {
    const answer = await apiRequest();
    return { result: resultOf(answer.status, answer), answer };
  } catch (error) {
    return { result: resultOf(isRefused(error) ? 'refused' : 'unanswered', null), answer: null };
  }
}

/** Sends and reads messages between random pairs of `users` until it is stopped. */
export function startLoad(deps: {
  readonly sendRequest: SendRequest;
  readonly users: readonly UserId[];
  /** Groups of some of the users, which get a share of the sends; by default none. */
  readonly groups?: readonly Group[];
  readonly groupShare?: number;
  /** The number of clients of each kind. */
  readonly clients: Readonly<Partial<Record<Kind, number>>>;
  /** The mean pause of a client after a response. */
  readonly thinkMs: number;
}): Load {
  const { sendRequest, users, groups = [], groupShare = GROUP_SHARE, clients, thinkMs } = deps;
  const attempts: Attempt[] = [];
  /** The newest acknowledged id of each conversation and each user. */
  const newest = new Map<string, string>();
  const watchers = new Set<() => void>();
  const run = randomUUID().slice(0, 8);
  let stopping = false;
  let sends = 0;

  const oneOf = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)]!;
  const randomUser = (): UserId => oneOf(users);

  const record = async (
    about: Parameters<typeof attempt>[0],
    apiRequest: () => Promise<ApiResponse>,
  ): Promise<ApiResponse | null> => {
    const { result, answer } = await attempt(about, apiRequest);
    attempts.push(result);
    for (const look of watchers) look();
    return answer;
  };

  const sendOne = async (kind: 'send' | 'send with a key'): Promise<void> => {
    const group = groups.length > 0 && Math.random() < groupShare ? oneOf(groups) : undefined;
    const send: Send = {
      sender: group === undefined ? randomUser() : oneOf(group.members),
      receiver: randomUser(),
      ...(group !== undefined && { group }),
      content: `message ${(sends += 1)} of ${run}`,
      key: kind === 'send' ? null : randomUUID(),
    };
    const answer = await record({ kind, send }, () => post(sendRequest, send));
    if (answer?.status !== 201) return;
    for (const list of [...recipientsOf(send), conversationIdIn(send)]) {
      if (answer.body.id > (newest.get(list) ?? '')) newest.set(list, answer.body.id);
    }
  };

  /** Reads the first page of an inbox or a history, which must contain the newest acknowledged message or a newer one. */
  const readOne = async (): Promise<void> => {
    const user = randomUser();
    const conversation =
      groups.length > 0 && Math.random() < groupShare ? oneOf(groups).id : conversationOf(user, randomUser());
    // A conversation without an acknowledged message may not exist.
    const [list, path, id] =
      Math.random() < 0.5 && newest.has(conversation)
        ? ([conversation, `/api/messages/conversation/${conversation}`, 'id'] as const)
        : ([user, `/api/conversations/user/${user}`, 'last_message_id'] as const);
    const known = newest.get(list) ?? '';
    const staleIn = ({ body }: ApiResponse): readonly string[] | null => {
      const shown = body.data.flatMap((item) => item[id] ?? []);
      return shown.some((messageId) => messageId >= known) || known === '' ? null : shown;
    };
    await record({ kind: 'read', staleIn }, () => sendRequest({ method: 'GET', path }));
  };

  const client = async (kind: Kind): Promise<void> => {
    while (!stopping) {
      await (kind === 'read' ? readOne() : sendOne(kind));
      await pause(Math.random() * 2 * thinkMs);
    }
  };

  const running = Object.entries(clients).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => client(kind as Kind)),
  );

  return {
    attempts,
    progress(count) {
      const until = attempts.length + count;
      return new Promise((resolve) => {
        const look = (): void => {
          if (attempts.length < until) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
      });
    },
    async stop() {
      stopping = true;
      await Promise.all(running);
    },
  };
}
