import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { FollowEvents } from '../../../application/follow-events.ts';
import {
  requireOwnEvents,
  type EventBatch,
  type ListEventsQuery,
  type ReportedEvent,
} from '../../../application/list-events.ts';
import type { Log } from '../../../application/ports/log.ts';
import type { StreamEnd, Telemetry } from '../../../application/ports/telemetry.ts';
import { MAX_HASHES, type EventCursor } from '../../../domain/event-cursor.ts';
import type { UserId } from '../../../domain/ids.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_BYTES, MAX_PAGE_SIZE } from '../../../domain/page.ts';
import { millisecondsOf, timestampOf } from '../../../domain/time.ts';
import { json, stream, type ResponseOf } from '../respond.ts';
import type { Peer } from '../middleware/rate-limit.ts';
import type { CallerOf } from '../middleware/authentication.ts';
import { eventCursorFrom, eventCursorText, EVENT_CURSOR_PATTERN } from '../event-cursors.ts';
import type { EventStreams, OpenStream } from '../event-streams.ts';
import { logFieldsOf, type Pseudonymize } from '../middleware/access-log.ts';
import { HttpFailure } from '../problems.ts';
import { jsonResponse, problemResponses, READ_PROBLEMS } from '../openapi/openapi-responses.ts';
import { registerRoute } from '../register-route.ts';
import { conversationId, messageId, time, userId, userIdInPath, wholeNumber } from '../openapi/schemas.ts';
import { ConversationView, conversationViewOf } from './conversations.ts';
import { MessageView, messageViewOf } from './messages.ts';

/** The maximum time that a poll waits for events, in seconds. */
const MAX_WAIT_S = 25;

/** The maximum content of one batch of a stream, in bytes. A slow reader makes the service hold one batch. */
const STREAM_BATCH_BYTES = 64 * 1024;

/** The maximum number of hashes of an open stream. Further events within the visibility window arrive with a delay. */
const STREAM_HASHES = 5_000;

/** How long a client waits before it resumes a stream, in milliseconds. */
const RESUME_AFTER_MS = 1_000;

function eventOf<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.strictObject({
    id: messageId.openapi({ description: 'A UUIDv7. Clients use it to drop repeated events.' }),
    type: z.literal(type),
    timestamp: time.openapi({ description: 'The time in the id.' }),
    data,
  });
}

const EventView = z
  .discriminatedUnion('type', [
    eventOf('message.created', MessageView).openapi('MessageCreated', {
      description:
        'A message was sent to or by the user. For a message that became visible late, the event has its own id. The data ' +
        'are its current state: a message that is deleted by now has no content.',
    }),
    eventOf('message.edited', MessageView).openapi('MessageEdited', {
      description: 'A message has a new content. The data are its current state.',
    }),
    eventOf(
      'message.deleted',
      z.strictObject({ conversation_id: conversationId, message_id: messageId }),
    ).openapi('MessageDeleted', { description: 'A message was deleted.' }),
    eventOf('conversation.created', ConversationView).openapi('ConversationCreated', {
      description:
        'A conversation was started without a message, or the user was added to a group. The data are its current state.',
    }),
    eventOf('conversation.updated', ConversationView).openapi('ConversationUpdated', {
      description:
        'The name or the participants of a group changed, or the user left it. The data are its current state; for a ' +
        'user who has left, its state at that time.',
    }),
    eventOf(
      'conversation.read',
      z.strictObject({ conversation_id: conversationId, user_id: userId, read_up_to: messageId }),
    ).openapi('ConversationRead', {
      description:
        'A participant has read the conversation up to the event read_up_to. In a group only the reader gets it.',
    }),
  ])
  .openapi('Event');

const EventList = z
  .strictObject({
    data: z.array(EventView),
    next_cursor: z.string().openapi({
      pattern: EVENT_CURSOR_PATTERN.source,
      description: 'The cursor for the events that follow. It is never null.',
      example: 'EwGcE2NKO3AAgAAAAAAAAAAa9C5T',
    }),
  })
  .openapi('EventList');

function eventViewOf(event: ReportedEvent): z.infer<typeof EventView> {
  const { id } = event;
  const timestamp = timestampOf(id);
  switch (event.type) {
    case 'message.created':
      return { id, type: event.type, timestamp, data: messageViewOf(event.message) };
    case 'message.edited':
      return { id, type: event.type, timestamp, data: messageViewOf(event.message) };
    case 'message.deleted': {
      const data = { conversation_id: event.conversationId, message_id: event.messageId };
      return { id, type: event.type, timestamp, data };
    }
    case 'conversation.created':
    case 'conversation.updated':
      return { id, type: event.type, timestamp, data: conversationViewOf(event.summary) };
    case 'conversation.read': {
      const { conversationId, readerId, readUpTo } = event;
      const data = { conversation_id: conversationId, user_id: readerId, read_up_to: readUpTo };
      return { id, type: event.type, timestamp, data };
    }
  }
}

const EVENT_STREAM = 'text/event-stream';

const listEventsRoute = createRoute({
  method: 'get',
  path: '/api/events/user/{user_id}',
  operationId: 'listEvents',
  tags: ['Events'],
  summary: 'Follow the events of a user',
  description:
    'The events in the conversations of a user, oldest first. A user can only read their own events. A client starts ' +
    'without a cursor and then follows `next_cursor`. It receives every event at least once, also across disconnects, and ' +
    'drops repeated events by `id`. A cursor older than the event log (30 days by default) is a 410: the client then starts ' +
    'without a cursor, and after that lists its conversations again.\n\n' +
    `With \`Accept: ${EVENT_STREAM}\` the response is an endless stream of server-sent events. \`event\` is the type, ` +
    '`data` the event, and `id` the cursor. The cursor is sent at the start, with the last event of each batch, and with a ' +
    'comment every 15 seconds. A client resumes with `Last-Event-ID` or `cursor`.',
  parameters: [
    {
      in: 'header',
      name: 'Last-Event-ID',
      description: 'For streams: the last received `id`, or empty. It takes precedence over `cursor`.',
      schema: { type: 'string', pattern: `^$|${EVENT_CURSOR_PATTERN.source}` },
    },
  ],
  request: {
    params: z.object({ user_id: userIdInPath }),
    query: z.object({
      cursor: z
        .string({ error: 'must be a next_cursor' })
        .optional()
        .openapi({
          pattern: EVENT_CURSOR_PATTERN.source,
          param: {
            description:
              'The next_cursor of the previous response. Without it, the response contains no events.',
          },
        }),
      limit: wholeNumber(1, MAX_PAGE_SIZE, `must be a whole number from 1 to ${MAX_PAGE_SIZE}`)
        .default(DEFAULT_PAGE_SIZE)
        .openapi({
          type: 'integer',
          minimum: 1,
          maximum: MAX_PAGE_SIZE,
          param: { description: 'The maximum number of events of a JSON response.' },
        }),
      wait: wholeNumber(0, MAX_WAIT_S, `must be a whole number from 0 to ${MAX_WAIT_S}`)
        .default(0)
        .openapi({
          type: 'integer',
          minimum: 0,
          maximum: MAX_WAIT_S,
          param: {
            description:
              'The maximum number of seconds that a JSON response waits for an event (long polling).',
          },
        }),
    }),
  },
  responses: {
    ...problemResponses(
      [
        'invalid_request',
        'invalid_cursor',
        'events_of_another',
        'cursor_expired',
        'too_many_streams',
        'clock_not_verified',
        ...READ_PROBLEMS,
      ],
      { parameter: 'limit', detail: 'must be a whole number from 1 to 100' },
    ),
    200: (() => {
      const response = jsonResponse('The events after the cursor, oldest first.', EventList);
      return {
        ...response,
        content: {
          ...response.content,
          [EVENT_STREAM]: {
            schema: z.string().openapi({ description: 'Server-sent events; each `data` is an Event.' }),
          },
        },
      };
    })(),
  },
});

/** Adds the route of events: list, long poll and stream. */
export function addEventRoutes(
  app: OpenAPIHono,
  deps: {
    readonly followEvents: FollowEvents;
    readonly streams: EventStreams;
    readonly callerOf: CallerOf;
    readonly telemetry: Telemetry;
    readonly log: Log;
    readonly pseudonymize: Pseudonymize;
  },
): void {
  const { followEvents, streams, callerOf } = deps;

  registerRoute(app, listEventsRoute, async (c, { params: { user_id }, query }) => {
    const isStream = c.req.method === 'GET' && prefersStream(c.req.header('Accept') ?? '');
    const cursor = cursorOf(c, user_id, query.cursor, isStream);
    const request = { caller: callerOf(c), userId: user_id, cursor };
    // Before the limit per user, which would reveal to others whether the user is online.
    requireOwnEvents(request.caller, user_id);
    if (isStream) return respondWithStream(c, deps, request);

    const waitMs = c.req.method === 'GET' && cursor !== null ? query.wait * 1_000 : 0;
    const list = { ...request, limit: query.limit, maxBytes: MAX_PAGE_BYTES, maxHashes: MAX_HASHES };
    const poll = (signal: AbortSignal) => followEvents.poll({ ...list, waitMs }, signal);
    const batch = waitMs === 0 ? await poll(NEVER_ABORTS) : await whileOpen(c, streams, user_id, poll);
    deps.telemetry.eventsDelivered(batch.events.length);
    const next_cursor = eventCursorText(user_id, batch.cursor);
    return json(c, { data: batch.events.map(eventViewOf), next_cursor }, 200);
  });
}

/** Whether an `Accept` header lists text/event-stream with at least the quality of JSON. A wildcard means JSON. */
function prefersStream(accept: string): boolean {
  /** The quality of the first of `types` that is listed: the most specific range applies (RFC 9110 12.5.1). */
  const qualityOf = (...types: string[]): number => {
    const [type = '', ...wider] = types;
    const range = accept.split(',').find((one) => one.split(';')[0]?.trim().toLowerCase() === type);
    if (range === undefined) return wider.length === 0 ? 0 : qualityOf(...wider);
    return Number(/;\s*q=([\d.]+)/i.exec(range)?.[1] ?? 1);
  };
  const quality = qualityOf(EVENT_STREAM);
  return quality > 0 && quality >= qualityOf('application/json', 'application/*', '*/*');
}

const NEVER_ABORTS = new AbortController().signal;

/** The cursor of a request; null if it has none. Throws an `HttpFailure` if the query or the header is invalid. */
function cursorOf(
  c: Context,
  userId: UserId,
  inQuery: string | undefined,
  isStream: boolean,
): EventCursor | null {
  // An EventSource that has received no id sends none, or an empty one.
  const lastEventId = c.req.header('Last-Event-ID') ?? '';
  const inHeader = cursorIn(lastEventId === '' ? undefined : lastEventId, userId, {
    fieldErrors: [{ header: 'Last-Event-ID', detail: 'must be an unchanged id of this stream' }],
  });
  return (isStream ? inHeader : null) ?? cursorIn(inQuery, userId);
}

function cursorIn(
  text: string | undefined,
  userId: UserId,
  details?: ConstructorParameters<typeof HttpFailure>[1],
): EventCursor | null {
  if (text === undefined) return null;
  const cursor = eventCursorFrom(userId, text);
  if (cursor === null) throw new HttpFailure('invalid_cursor', details);
  return cursor;
}

/** Opens a stream that ends when the client disconnects, the token expires, or the service stops. */
function openStream(c: Context, streams: EventStreams, userId: UserId): OpenStream {
  const open = streams.open(userId);
  const { signal } = c.req.raw;
  const onDisconnect = (): void => {
    open.end('client');
  };
  whenAborted(signal, onDisconnect);
  const expiresAt = c.get('tokenExpiresAt');
  const timer =
    expiresAt === undefined
      ? undefined
      : setTimeout(
          () => {
            open.end('expired');
          },
          Math.min(Math.max(expiresAt - Date.now(), 0), MAX_TIMEOUT_MS),
        );
  whenAborted(open.signal, () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onDisconnect);
  });
  return open;
}

/** Calls `act` when `signal` aborts, or at once if it has already aborted. */
function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act);
}

/** The maximum delay of `setTimeout`. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

async function whileOpen<Result>(
  c: Context,
  streams: EventStreams,
  userId: UserId,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { signal, end } = openStream(c, streams, userId);
  try {
    return await work(signal);
  } finally {
    end('client');
  }
}

async function respondWithStream(
  c: Context,
  deps: {
    readonly followEvents: FollowEvents;
    readonly streams: EventStreams;
    readonly telemetry: Telemetry;
    readonly log: Log;
    readonly pseudonymize: Pseudonymize;
  },
  query: Pick<ListEventsQuery, 'caller' | 'userId' | 'cursor'>,
): Promise<ResponseOf<typeof listEventsRoute>> {
  const { followEvents, streams, telemetry, log, pseudonymize } = deps;
  const { userId, cursor } = query;
  const open = openStream(c, streams, userId);
  const batches = followEvents.stream(
    { ...query, limit: MAX_PAGE_SIZE, maxBytes: STREAM_BATCH_BYTES, maxHashes: STREAM_HASHES },
    open.signal,
  );
  const first = await batches.next().catch((error: unknown) => {
    open.end('client');
    throw error;
  });
  const startedAt = performance.now();
  const closed = telemetry.streamOpened(cursor !== null);
  let delivered = 0;
  const textOf = (batch: EventBatch): string => {
    const { length } = batch.events;
    delivered += length;
    telemetry.eventsDelivered(length);
    return batchText(batch, eventCursorText(userId, batch.cursor));
  };
  // The client may have disconnected during the first read.
  whenAborted(open.signal, () => {
    const reason = open.signal.reason as StreamEnd;
    closed(reason);
    void batches.return();
    const durationMs = Math.round(performance.now() - startedAt);
    log.info(
      { ...logFieldsOf(c, pseudonymize), reason, durationMs, events: delivered },
      'Event stream ended',
    );
  });
  /** The cursor is sent at once, so that a client can resume even if its connection breaks before the first event. */
  const openingText = ({ value }: typeof first): string => {
    if (value === undefined) return '';
    // The cursor of a client may be ahead of the clock, so it is sent back only if the cursor of a batch follows it.
    const id = eventCursorText(userId, value.events.length > 0 && cursor !== null ? cursor : value.cursor);
    return `retry: ${RESUME_AFTER_MS}\nid: ${id}\n\n${value.events.length > 0 ? textOf(value) : ''}`;
  };
  const body = streamBody(streams, open, c.env as Peer | undefined, openingText(first), async () => {
    for (;;) {
      const { done, value } = await batches.next();
      if (done === true) return null;
      const newest = value.events.at(-1);
      if (newest !== undefined) telemetry.eventLag(Date.now() - millisecondsOf(newest.id));
      return textOf(value);
    }
  });
  return stream(c, body, EVENT_STREAM);
}

/** A batch as server-sent events. A batch without events is a comment, which keeps the connection alive. */
function batchText({ events }: EventBatch, cursor: string): string {
  if (events.length === 0) return `:\nid: ${cursor}\n\n`;
  return events
    .map((event, index) => {
      const id = index === events.length - 1 ? `id: ${cursor}\n` : '';
      return `${id}event: ${event.type}\ndata: ${JSON.stringify(eventViewOf(event))}\n\n`;
    })
    .join('');
}

/**
 * The body of a stream: `first`, then the results of `next` until null. The next part is created only after the connection
 * has accepted the previous one, so a stream holds at most one part. A client that does not read in time is disconnected.
 */
function streamBody(
  streams: EventStreams,
  open: OpenStream,
  peer: Peer | undefined,
  first: string,
  next: () => Promise<string | null>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let text: string | null = first;
  let onAccepted = (): void => undefined;
  let isCancelled = false;
  open.signal.addEventListener('abort', () => {
    // In all other cases the client still has to read the last part.
    if (open.signal.reason === 'client') onAccepted();
  });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        onAccepted();
        const part = text ?? (await next());
        text = null;
        if (isCancelled) return;
        if (part === null) {
          controller.close();
          open.end('behind');
          return;
        }
        const bytes = encoder.encode(part);
        controller.enqueue(bytes);
        onAccepted = streams.sent(bytes.length, () => {
          open.end('slow');
          // Without access to the connection the body only ends: an error would be printed by Bun and Deno.
          if (peer?.destroy === undefined) controller.close();
          else peer.destroy();
        });
      },
      cancel() {
        isCancelled = true;
        onAccepted();
        open.end('client');
      },
    },
    // No read-ahead: `pull` runs only when the connection reads.
    { highWaterMark: 0 },
  );
}
