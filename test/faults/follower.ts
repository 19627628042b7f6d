import { request, type ClientRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { eventCursorFrom } from '../../src/adapters/http/event-cursors.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { millisecondsOf } from '../../src/domain/time.ts';

/** When something came for the first time, as performance.now() has it, and from which instance. */
export interface Arrival {
  readonly at: number;
  readonly instance: number;
}

/** A client that follows the events of a user, and resumes at the other instance when it loses the one that it has. */
export interface Follower {
  readonly userId: UserId;
  readonly by: 'stream' | 'poll';
  /** The events that came, by their ids. */
  readonly events: ReadonlyMap<string, Arrival>;
  /** The messages that were reported, by their ids. */
  readonly messages: ReadonlyMap<string, Arrival>;
  /** How many events came, repeats included. */
  readonly received: number;
  /** How often it went on with its last cursor after it had lost its connection. */
  readonly resumes: number;
  /** How often an instance that listened answered without serving it, by status. */
  readonly refusals: ReadonlyMap<number, number>;
  /** How many events came after an event with a larger id: they became visible later than that one. */
  readonly overtaken: number;
  /** How far the floor of a cursor was ahead of the clock of this host when it came, at most; in milliseconds. */
  readonly cursorLeadMs: number;
  /** How many answers to polls had events. */
  readonly answersWithEvents: number;
  /** How many answers to polls had none, not counting the first, which only brings a cursor. */
  readonly emptyAnswers: number;
  /** The shortest time that such an answer took, in milliseconds; Infinity if there was none. */
  readonly shortestWaitMs: number;
  /** Resolves when it is connected and has a cursor. */
  connected(): Promise<void>;
  /** Resolves when the message has come, also in the past. */
  arrived(messageId: string): Promise<void>;
  /** Breaks its connection. */
  disconnect(): void;
  /** Breaks its connection for good. */
  stop(): Promise<void>;
}

/** What is looked at in an event. */
interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  /** The id of the message, where the event reports one. */
  readonly data: { readonly id: string };
}

const RETRY_MS = 100;

/** A connection on which nothing comes for so long is given up: a stream has a comment every 15 s, a poll takes 25 s. */
const SILENCE_MS = 30_000;
const WAIT_S = 25;

/** Starts a follower at the one of two instances that `instance` names. */
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
  let cursorLeadMs = -Infinity;
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
    const lead = millisecondsOf(eventCursorFrom(userId, text)!.floor) - Date.now();
    cursorLeadMs = Math.max(cursorLeadMs, lead);
  };

  const takeBlock = (block: string): void => {
    const field = (name: string): string | null =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
    const data = field('data');
    if (data !== null) take(JSON.parse(data) as ReceivedEvent);
    const id = field('id');
    if (id !== null) takeCursor(id);
  };

  /** One request, to the end of its answer. Rejects where it is not served, or breaks. */
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const isWaiting = by === 'poll' && cursor !== null;
      const begun = performance.now();
      const query = isWaiting ? `?limit=100&wait=${WAIT_S}&cursor=${cursor}` : '';
      current = request(`${urls[instance]}/api/events/user/${userId}${query}`, {
        agent: false,
        headers: by === 'poll' ? {} : { Accept: 'text/event-stream', 'Last-Event-ID': cursor ?? '' },
        timeout: SILENCE_MS,
      });
      current.once('timeout', () => current?.destroy(new Error('nothing came')));
      current.once('error', reject);
      current.once('response', (response) => {
        const { statusCode = 0 } = response;
        let text = '';
        response.setEncoding('utf8');
        response.once('error', reject);
        if (statusCode !== 200) {
          refusals.set(statusCode, (refusals.get(statusCode) ?? 0) + 1);
          response.resume().once('end', () => reject(new Error(`answered ${statusCode}`)));
          return;
        }
        response.on('data', (part: string) => {
          text += part;
          if (by === 'poll') return;
          const blocks = text.split('\n\n');
          text = blocks.pop()!;
          // A stream begins with its cursor: without one there would be nothing to resume with.
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
      const isServed = await ask().then(
        () => true,
        () => false,
      );
      // A poll that was answered goes on where it is; a stream that ended is over.
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
    get cursorLeadMs() {
      return cursorLeadMs;
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
