import { request, type ClientRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { eventCursorFrom } from '../../src/adapters/http/event-cursors.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { millisecondsOf } from '../../src/domain/time.ts';

/** The first arrival of an event or a message: its time, by performance.now(), and the instance that sent it. */
export interface Arrival {
  readonly at: number;
  readonly instance: number;
}

/** A client that follows the events of a user. When its connection breaks, it resumes at the other instance. */
export interface Follower {
  readonly userId: UserId;
  readonly by: 'stream' | 'poll';
  /** The received events, by id. */
  readonly events: ReadonlyMap<string, Arrival>;
  /** The messages of received events, by id. */
  readonly messages: ReadonlyMap<string, Arrival>;
  /** The number of received events, including repeats. */
  readonly received: number;
  /** The number of times that it resumed with its last cursor after its connection broke. */
  readonly resumes: number;
  /** The number of responses other than 200, by status. */
  readonly refusals: ReadonlyMap<number, number>;
  /** The number of events received after an event with a larger id: they became visible later than that one. */
  readonly overtaken: number;
  /** The maximum of: the floor of a received cursor minus the time of this host, in milliseconds. */
  readonly maxCursorOffsetMs: number;
  /** The number of responses to polls with events. */
  readonly answersWithEvents: number;
  /** The number of responses to polls without events, except for the first one, which only has a cursor. */
  readonly emptyAnswers: number;
  /** The shortest time until a response without events, in milliseconds; Infinity if there was none. */
  readonly shortestWaitMs: number;
  /** Resolves when it is connected and has a cursor. */
  connected(): Promise<void>;
  /** Resolves when the message has been received, at once if it was received before. */
  arrived(messageId: string): Promise<void>;
  /** Breaks its connection. */
  disconnect(): void;
  /** Breaks its connection and does not resume. */
  stop(): Promise<void>;
}

/** The used part of an event. */
interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  /** The message of a `message.created` event. */
  readonly data: { readonly id: string };
}

const RETRY_MS = 100;

/** A connection without data for this time is closed: a stream has a comment every 15 s, a poll takes 25 s. */
const STREAM_TIMEOUT_MS = 30_000;
const WAIT_S = 25;

/** Starts a follower at the instance `urls[instance]`. */
export function startFollower(deps: {
  readonly urls: readonly string[];
  readonly instance: number;
  readonly userId: UserId;
  readonly by: Follower['by'];
}): Follower {
  const { urls, userId, by } = deps;
  const events = new Map<string, Arrival>();
  const messages = new Map<string, Arrival>();
  const refusals = new Map<number, number>();
  const arrivals = new Map<string, (() => void)[]>();
  let connections: (() => void)[] = [];
  let instance = deps.instance;
  let cursor: string | null = null;
  let received = 0;
  let resumes = 0;
  let overtaken = 0;
  let newest = '';
  let maxCursorOffsetMs = -Infinity;
  let answersWithEvents = 0;
  let emptyAnswers = 0;
  let shortestWaitMs = Infinity;
  let isConnected = false;
  let hasLost = false;
  let isStopping = false;
  let current: ClientRequest | null = null;

  const connect = (): void => {
    if (hasLost && cursor !== null) resumes += 1;
    hasLost = false;
    isConnected = true;
    for (const resolve of connections) resolve();
    connections = [];
  };

  const take = (event: ReceivedEvent): void => {
    received += 1;
    const arrival = { at: performance.now(), instance };
    if (!events.has(event.id)) {
      events.set(event.id, arrival);
      if (event.id < newest) overtaken += 1;
      else newest = event.id;
    }
    if (event.type !== 'message.created' || messages.has(event.data.id)) return;
    messages.set(event.data.id, arrival);
    for (const resolve of arrivals.get(event.data.id) ?? []) resolve();
    arrivals.delete(event.data.id);
  };

  const takeCursor = (text: string): void => {
    cursor = text;
    const offset = millisecondsOf(eventCursorFrom(userId, text)!.floor) - Date.now();
    maxCursorOffsetMs = Math.max(maxCursorOffsetMs, offset);
  };

  const takeBlock = (block: string): void => {
    const field = (name: string): string | null =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
    const data = field('data');
    if (data !== null) take(JSON.parse(data) as ReceivedEvent);
    const id = field('id');
    if (id !== null) takeCursor(id);
  };

  /** One request, until the end of its response. Rejects if the status is not 200 or the connection breaks. */
  const sendRequest = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const isWaiting = by === 'poll' && cursor !== null;
      const begun = performance.now();
      const query = isWaiting ? `?limit=100&wait=${WAIT_S}&cursor=${cursor}` : '';
      current = request(`${urls[instance]}/api/events/user/${userId}${query}`, {
        agent: false,
        headers: by === 'poll' ? {} : { Accept: 'text/event-stream', 'Last-Event-ID': cursor ?? '' },
        timeout: STREAM_TIMEOUT_MS,
      });
      current.once('timeout', () => current?.destroy(new Error('no data')));
      current.once('error', reject);
      current.once('response', (response) => {
        const { statusCode = 0 } = response;
        let text = '';
        response.setEncoding('utf8');
        response.once('error', reject);
        if (statusCode !== 200) {
          refusals.set(statusCode, (refusals.get(statusCode) ?? 0) + 1);
          response.resume().once('end', () => reject(new Error(`status ${statusCode}`)));
          return;
        }
        response.on('data', (part: string) => {
          text += part;
          if (by === 'poll') return;
          const blocks = text.split('\n\n');
          text = blocks.pop()!;
          // A stream begins with its cursor, which is needed to resume.
          if (blocks.length > 0 && !isConnected) connect();
          blocks.forEach(takeBlock);
        });
        response.once('end', () => {
          if (by === 'poll') {
            connect();
            const list = JSON.parse(text) as { data: ReceivedEvent[]; next_cursor: string };
            list.data.forEach(take);
            takeCursor(list.next_cursor);
            if (list.data.length > 0) answersWithEvents += 1;
            else if (isWaiting) {
              emptyAnswers += 1;
              shortestWaitMs = Math.min(shortestWaitMs, performance.now() - begun);
            }
          }
          resolve();
        });
      });
      current.end();
    });

  const follow = async (): Promise<void> => {
    while (!isStopping) {
      const isServed = await sendRequest().then(
        () => true,
        () => false,
      );
      // After a poll the next one follows at the same instance; a stream that has ended is resumed at the other one.
      if (isServed && by === 'poll') continue;
      isConnected = false;
      hasLost = true;
      instance = (instance + 1) % urls.length;
      if (!isServed) await pause(RETRY_MS);
    }
  };
  const ended = follow();

  return {
    userId,
    by,
    events,
    messages,
    refusals,
    get received() {
      return received;
    },
    get resumes() {
      return resumes;
    },
    get overtaken() {
      return overtaken;
    },
    get maxCursorOffsetMs() {
      return maxCursorOffsetMs;
    },
    get answersWithEvents() {
      return answersWithEvents;
    },
    get emptyAnswers() {
      return emptyAnswers;
    },
    get shortestWaitMs() {
      return shortestWaitMs;
    },
    connected() {
      if (isConnected) return Promise.resolve();
      return new Promise((resolve) => connections.push(resolve));
    },
    arrived(messageId) {
      if (messages.has(messageId)) return Promise.resolve();
      return new Promise((resolve) => {
        arrivals.set(messageId, [...(arrivals.get(messageId) ?? []), resolve]);
      });
    },
    disconnect() {
      isConnected = false;
      current?.destroy();
    },
    async stop() {
      isStopping = true;
      current?.destroy();
      await ended;
    },
  };
}
