import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { FollowEvents } from '../../../application/follow-events.ts';
import type { EventBatch, ListEventsQuery, ReportedEvent } from '../../../application/list-events.ts';
import type { Log } from '../../../application/ports/log.ts';
import type { Telemetry } from '../../../application/ports/telemetry.ts';
import { MAX_HASHES, type EventCursor } from '../../../domain/event-cursor.ts';
import type { UserId } from '../../../domain/ids.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_BYTES, MAX_PAGE_SIZE } from '../../../domain/page.ts';
import { millisecondsOf, timestampOf } from '../../../domain/time.ts';
import { json, stream, type ResponseOf } from '../respond.ts';
import type { Peer } from '../middleware/rate-limit-key.ts';
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

/** The longest time that a poll waits for events, in seconds. */
const MAX_WAIT_S = 25;

/** The most content of one batch of a stream, in bytes: what a slow reader makes the service hold. */
const STREAM_BATCH_BYTES = 64 * 1024;

/** The most hashes that an open stream keeps. A user with more events within the visibility window gets them with a delay. */
const STREAM_HASHES = 5_000;

/** How long a client waits before it resumes a stream, in milliseconds. */
const RESUME_AFTER_MS = 1_000;

function eventOf<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.strictObject({
    id: messageId.openapi({ description: 'A UUIDv7. Clients drop repeats by it.' }),
    type: z.literal(type),
    timestamp: time.openapi({ description: 'The time of the id.' }),
    data,
  });
}

const EventView = z
  .discriminatedUnion('type', [
    eventOf('message.created', MessageView).openapi('MessageCreated', {
      description:
        'A message was sent to or by the user. One that became visible late is reported under an id of its own.',
    }),
    eventOf('conversation.created', ConversationView).openapi('ConversationCreated', {
      description: 'A conversation was started, without a message. The data show it as it is now.',
    }),
    eventOf(
      'conversation.read',
      z.strictObject({ conversation_id: conversationId, user_id: userId, read_up_to: messageId }),
    ).openapi('ConversationRead', {
      description: 'A participant has read the conversation, up to the event read_up_to.',
    }),
  ])
  .openapi('Event');

const EventList = z
  .strictObject({
    data: z.array(EventView),
    next_cursor: z.string().openapi({
      pattern: EVENT_CURSOR_PATTERN.source,
      description: 'The cursor for what was not listed yet. It is never null: a log has no last page.',
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
    case 'conversation.created':
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
  summary: "Follow a user's events",
  description:
    'What happens in the conversations of a user, oldest first, to that user alone. A client begins without a cursor, and ' +
    'then follows `next_cursor`: it receives every event at least once, across disconnects, and drops repeats by `id`. ' +
    'A cursor older than the log (30 days, by default) is a 410: the client lists its conversations anew, and begins ' +
    'without a cursor.\n\n' +
    `With \`Accept: ${EVENT_STREAM}\` the answer is a stream of server-sent events without end: \`event\` is the type, ` +
    '`data` the event, `id` the cursor, which comes at once, with the last event of each batch, and with a comment ' +
    'every 15 seconds. A client resumes with `Last-Event-ID`, or with `cursor`.',
  parameters: [
    {
      in: 'header',
      name: 'Last-Event-ID',
      description: 'For streams: the last `id` that was received. It goes before `cursor`.',
      schema: { type: 'string', pattern: EVENT_CURSOR_PATTERN.source },
    },
  ],
  request: {
    params: z.object({ user_id: userIdInPath }),
    query: z.object({
      cursor: z
        .string({ error: 'must be one next_cursor' })
        .optional()
        .openapi({
          pattern: EVENT_CURSOR_PATTERN.source,
          param: {
            description: 'The next_cursor of the answer before. Without it the answer holds no events.',
          },
        }),
      limit: wholeNumber(1, MAX_PAGE_SIZE, `must be one whole number from 1 to ${MAX_PAGE_SIZE}`)
        .default(DEFAULT_PAGE_SIZE)
        .openapi({
          type: 'integer',
          minimum: 1,
          maximum: MAX_PAGE_SIZE,
          param: { description: 'How many events an answer in JSON has at most.' },
        }),
      wait: wholeNumber(0, MAX_WAIT_S, `must be one whole number from 0 to ${MAX_WAIT_S}`)
        .default(0)
        .openapi({
          type: 'integer',
          minimum: 0,
          maximum: MAX_WAIT_S,
          param: {
            description:
              'For how many seconds an answer in JSON waits for an event, where there is none yet.',
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
      { parameter: 'limit', detail: 'must be one whole number from 1 to 100' },
    ),
    200: (() => {
      const response = jsonResponse('The events that the cursor has not seen, oldest first.', EventList);
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

/** The events: to list them, and to follow them. */
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
    const question = { caller: callerOf(c), userId: user_id, cursor };
    if (isStream) return answerWithStream(c, deps, question);

    const waitMs = c.req.method === 'GET' && cursor !== null ? query.wait * 1_000 : 0;
    const list = { ...question, limit: query.limit, maxBytes: MAX_PAGE_BYTES, maxHashes: MAX_HASHES };
    const poll = (signal: AbortSignal) => followEvents.poll({ ...list, waitMs }, signal);
    const batch = waitMs === 0 ? await poll(NEVER) : await whileOpen(c, streams, user_id, poll);
    deps.telemetry.eventsDelivered(batch.events.length);
    const next_cursor = eventCursorText(user_id, batch.cursor);
    return json(c, { data: batch.events.map(eventViewOf), next_cursor }, 200);
  });
}

/** Whether the header `Accept` names streams of events, and prefers no JSON to them. A wildcard means JSON. */
function prefersStream(accept: string): boolean {
  const qualityOf = (type: string): number => {
    const range = accept.split(',').find((one) => one.split(';')[0]?.trim().toLowerCase() === type);
    return range === undefined ? 0 : Number(/;\s*q=([\d.]+)/i.exec(range)?.[1] ?? 1);
  };
  const quality = qualityOf(EVENT_STREAM);
  return quality > 0 && quality >= qualityOf('application/json');
}

const NEVER = new AbortController().signal;

/** The cursor that a request brings; null where it brings none. */
function cursorOf(
  c: Context,
  userId: UserId,
  inQuery: string | undefined,
  isStream: boolean,
): EventCursor | null {
  const inHeader = isStream ? c.req.header('Last-Event-ID') : undefined;
  const text = inHeader !== undefined && inHeader !== '' ? inHeader : inQuery;
  if (text === undefined) return null;
  const cursor = eventCursorFrom(userId, text);
  if (cursor !== null) return cursor;
  throw text === inHeader
    ? new HttpFailure('invalid_cursor', {
        fieldErrors: [{ header: 'Last-Event-ID', detail: 'must be an id of this very stream, unchanged' }],
      })
    : new HttpFailure('invalid_cursor');
}

/** Opens a stream that ends with the client's connection, with its token, or when the service stops. */
function openStream(c: Context, streams: EventStreams, userId: UserId): OpenStream {
  const open = streams.open(userId);
  const { signal } = c.req.raw;
  const leave = (): void => {
    open.end('client');
  };
  whenAborted(signal, leave);
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
    signal.removeEventListener('abort', leave);
  });
  return open;
}

/** Calls `act` when `signal` aborts; at once if it has aborted already. */
function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act);
}

/** The longest time that a host's timer knows. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

async function whileOpen<Answer>(
  c: Context,
  streams: EventStreams,
  userId: UserId,
  work: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const { signal, end } = openStream(c, streams, userId);
  try {
    return await work(signal);
  } finally {
    end('client');
  }
}

async function answerWithStream(
  c: Context,
  deps: {
    readonly followEvents: FollowEvents;
    readonly streams: EventStreams;
    readonly telemetry: Telemetry;
    readonly log: Log;
    readonly pseudonymize: Pseudonymize;
  },
  question: Pick<ListEventsQuery, 'caller' | 'userId' | 'cursor'>,
): Promise<ResponseOf<typeof listEventsRoute>> {
  const { followEvents, streams, telemetry, log, pseudonymize } = deps;
  const { userId, cursor } = question;
  const open = openStream(c, streams, userId);
  const batches = followEvents.stream(
    { ...question, limit: MAX_PAGE_SIZE, maxBytes: STREAM_BATCH_BYTES, maxHashes: STREAM_HASHES },
    open.signal,
  );
  const first = await batches.next().catch((error: unknown) => {
    open.end('client');
    throw error;
  });
  const begun = performance.now();
  const closed = telemetry.streamOpened(cursor !== null);
  let delivered = 0;
  const textOf = (batch: EventBatch): string => {
    const { length } = batch.events;
    delivered += length;
    telemetry.eventsDelivered(length);
    return batchText(batch, eventCursorText(userId, batch.cursor));
  };
  // The client may have left during the first read.
  whenAborted(open.signal, () => {
    closed();
    void batches.return();
    const durationMs = Math.round(performance.now() - begun);
    const why = open.signal.reason as string;
    log.info(
      { ...logFieldsOf(c, pseudonymize), why, durationMs, events: delivered },
      'An event stream ended',
    );
  });
  /** The cursor comes at once, for a client whose connection breaks before there is an event. */
  const begin = ({ value }: typeof first): string => {
    if (value === undefined) return '';
    // What a client brings may lie beyond now, so it is given back only where it is followed by the cursor of the batch.
    const id = eventCursorText(userId, value.events.length > 0 && cursor !== null ? cursor : value.cursor);
    return `retry: ${RESUME_AFTER_MS}\nid: ${id}\n\n${value.events.length > 0 ? textOf(value) : ''}`;
  };
  const body = streamBody(streams, open, c.env as Peer | undefined, begin(first), async () => {
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

/** A batch as server-sent events; one without events is a comment, so that the connection is seen to be alive. */
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
 * The body of a stream: `first`, then what `next` gives, until that is null. The next part is made only when the connection
 * has taken the one before, so a stream holds one part at the most. A client that does not read in time loses the connection.
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
  let taken = (): void => undefined;
  let isCancelled = false;
  open.signal.addEventListener('abort', () => {
    // Any other client still has to read what was sent to it.
    if (open.signal.reason === 'client') taken();
  });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        taken();
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
        taken = streams.sent(bytes.length, () => {
          open.end('slow');
          if (peer?.destroy === undefined) controller.error(new Error('The client does not read.'));
          else peer.destroy();
        });
      },
      cancel() {
        isCancelled = true;
        taken();
        open.end('client');
      },
    },
    // Nothing is made before it is asked for.
    { highWaterMark: 0 },
  );
}
