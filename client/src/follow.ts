import { BlockParser } from './event-stream.ts';
import { isTemporary, networkErrorOf, retryMs, type Http, type IsExpected } from './http.ts';
import { NetworkError, ProblemError } from './problems.ts';
import { isHidden, makeDeadline, onOnline, onVisibility, pause, type Timer } from './timer.ts';
import { isKnownEvent, type KnownEvent } from './types.ts';

/**
 * `connecting`: at the start. `live`: a stream is open, or the page is hidden and polls from time to time. `polling`: streams
 * do not work, so requests wait for events. `offline`: the last attempt failed, and the next one follows.
 */
export type ConnectionState = 'connecting' | 'live' | 'polling' | 'offline';

/** What `follow` yields. */
export type FollowItem =
  /** Each event once, oldest first. To continue later, follow from `cursor`. */
  | { readonly kind: 'event'; readonly event: KnownEvent; readonly cursor: string }
  /**
   * Events before this point do not arrive: reload what is shown. It comes first if following starts without a cursor,
   * and later if the cursor is older than the event log.
   */
  | { readonly kind: 'reset'; readonly cursor: string }
  /** The state has changed. */
  | { readonly kind: 'connection'; readonly state: ConnectionState };

/** The options of following. */
export interface FollowOptions {
  /** The cursor of an earlier item, to continue after it. */
  readonly cursor?: string;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** A connection without data for this time is broken: the service sends a heartbeat every 15 seconds. */
const STREAM_TIMEOUT_MS = 45_000;

/** The time within which a stream must begin. A proxy that buffers it until its end makes streams unusable. */
const FIRST_BLOCK_MS = 10_000;

/** After this number of successive streams that did not begin, polls replace them. */
const MAX_FAILED_STREAMS = 2;

/** The time for which polls replace streams before the next attempt, in milliseconds. */
const POLLING_MS = 600_000;

/** The pause between polls that do not wait: for a hidden page, and for a user who has too many open streams. */
const SHORT_POLL_MS = 15_000;

/** The pause before a stream that has ended is resumed, and between polls without events that return at once. */
const RESUME_MS = 1_000;

/** A stream that was open for this time works. A stream that breaks earlier is resumed with backoff. */
const STABLE_AFTER_MS = 5_000;

const NOT_OPEN = -1;

/** The number of seconds that a poll waits. */
const WAIT_S = 25;

/** The number of event ids that are remembered to drop repeats. The service repeats events within seconds. */
const MAX_SEEN = 10_000;

/** Event streams do not work here, although the service may be reachable. */
class StreamUnusable extends NetworkError {}

/**
 * The page is hidden. Browsers open six connections to a host over HTTP/1.1, for all windows together. If each window kept a
 * stream, the seventh would not load.
 */
class PageHidden extends NetworkError {}

/** A part of what the service delivers: the cursor after `events`. */
interface Batch {
  readonly events: readonly unknown[];
  readonly cursor: string | undefined;
}

/** The events of `userId`, see `MessengerClient.follow`. */
export async function* follow(
  deps: {
    readonly http: Http;
    readonly userId: string;
    readonly random: () => number;
    readonly timer: Timer;
  },
  { cursor: start, signal = new AbortController().signal }: FollowOptions,
): AsyncGenerator<FollowItem, void, undefined> {
  const { http, userId, random, timer } = deps;
  const path = `/api/events/user/${encodeURIComponent(userId)}`;
  let cursor = start;
  let state: ConnectionState | undefined;
  let failures = 0;
  let failedStreams = 0;
  /** When the current stream began. */
  let openSince = NOT_OPEN;
  let pollUntil = 0;
  let shortPoll = false;
  const seen = new Set<string>();

  function* enter(next: ConnectionState): Generator<FollowItem> {
    if (state === next) return;
    state = next;
    yield { kind: 'connection', state };
  }

  function* deliver(batch: Batch): Generator<FollowItem> {
    const before = cursor;
    cursor = batch.cursor ?? cursor;
    if (before === undefined && cursor !== undefined) yield { kind: 'reset', cursor };
    for (const [index, event] of batch.events.entries()) {
      if (!isKnownEvent(event) || seen.has(event.id)) continue;
      seen.add(event.id);
      for (const oldest of seen) {
        if (seen.size <= MAX_SEEN) break;
        seen.delete(oldest);
      }
      const after = index === batch.events.length - 1 ? cursor : before;
      yield { kind: 'event', event, cursor: after ?? '' };
    }
  }

  async function* stream(): AsyncGenerator<FollowItem> {
    openSince = NOT_OPEN;
    const deadline = makeDeadline(timer, signal);
    const unusable = new StreamUnusable('The event stream did not begin.');
    deadline.extend(FIRST_BLOCK_MS, unusable);
    const hidden = new PageHidden('The page is hidden.');
    const stopWatching = onVisibility(() => {
      if (isHidden()) deadline.extend(0, hidden);
    });
    // After another network, or the sleep of the computer, nothing more may arrive on this connection.
    const online = new NetworkError('The network has changed.');
    const stopListening = onOnline(() => {
      deadline.extend(0, online);
    });
    try {
      const response = await http.open(path, {
        headers: {
          Accept: 'text/event-stream',
          ...(cursor !== undefined && { 'Last-Event-ID': cursor }),
        },
        signal: deadline.signal,
      });
      const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true;
      if (!isStream || response.body === null) throw unusable;
      const parser = new BlockParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw networkErrorOf(error, deadline.signal);
        });
        if (done) break;
        for (const { id, data } of parser.push(decoder.decode(value, { stream: true }))) {
          if (openSince === NOT_OPEN) {
            openSince = timer.now();
            failedStreams = 0;
            yield* enter('live');
          }
          yield* deliver({ events: data === undefined ? [] : [parse(data)], cursor: id });
        }
        if (isHidden()) throw hidden;
        if (openSince !== NOT_OPEN)
          deadline.extend(
            STREAM_TIMEOUT_MS,
            new NetworkError('The event stream has sent no data for too long.'),
          );
      }
      if (openSince === NOT_OPEN) throw unusable;
    } finally {
      stopWatching();
      stopListening();
      deadline.end();
    }
  }

  async function poll(wait: number): Promise<Batch> {
    const query = { cursor, limit: 100, ...(wait > 0 && { wait }) };
    const request = { query, signal, limitMs: STREAM_TIMEOUT_MS };
    const list = (await http.json(path, request, isEvents)) as {
      data: unknown[];
      next_cursor: string;
    };
    return { events: list.data, cursor: list.next_cursor };
  }

  const isOver = (): boolean => signal.aborted;
  yield* enter('connecting');
  while (!isOver()) {
    const startedAt = timer.now();
    try {
      const isHiddenPage = isHidden();
      if (isHiddenPage || shortPoll || startedAt < pollUntil) {
        const batch = await poll(isHiddenPage || shortPoll ? 0 : WAIT_S);
        yield* enter(isHiddenPage ? 'live' : 'polling');
        yield* deliver(batch);
        failures = 0;
        openSince = NOT_OPEN;
        if (isHiddenPage || shortPoll) await pause(timer, SHORT_POLL_MS * (1 - random() / 2), signal);
        else if (batch.events.length === 0 && timer.now() - startedAt < RESUME_MS) {
          await pause(timer, RESUME_MS, signal);
        }
        shortPoll = false;
        continue;
      }
      yield* stream();
    } catch (error) {
      if (isOver()) return;
      if (error instanceof PageHidden) continue;
      const code = error instanceof ProblemError ? error.code : '';
      if (code === 'cursor-expired' && cursor !== undefined) {
        cursor = undefined;
        continue;
      }
      if (code === 'too-many-streams' && !shortPoll) {
        shortPoll = true;
        continue;
      }
      shortPoll = false;
      if (error instanceof StreamUnusable) {
        failedStreams += 1;
        if (failedStreams >= MAX_FAILED_STREAMS) pollUntil = timer.now() + POLLING_MS;
      }
      const isTemporaryRefusal =
        error instanceof ProblemError && (error.problem.status >= 500 || !error.isFromService);
      if (!isTemporary(error) && !isTemporaryRefusal) throw error;
      // A stream that was open for a while is resumed first. Only if that fails, too, is the client offline.
      if (openSince === NOT_OPEN || timer.now() - openSince < STABLE_AFTER_MS) {
        failures += 1;
        yield* enter('offline');
        await pause(timer, retryMs(error, failures, random), signal);
        continue;
      }
    }
    failures = 0;
    openSince = NOT_OPEN;
    await pause(timer, RESUME_MS * (1 - random() / 2), signal);
  }
}

const isEvents: IsExpected = ({ data, next_cursor }) =>
  Array.isArray(data) && typeof next_cursor === 'string';

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new NetworkError('The event stream is malformed.', { cause });
  }
}
