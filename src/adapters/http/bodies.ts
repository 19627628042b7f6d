import { z } from '@hono/zod-openapi';
import type { Context, Env } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HttpFailure } from './problems.ts';

/** The most bytes of a body: enough for 20,000 characters of content, each escaped as a surrogate pair. */
const MAX_BODY_BYTES = 256 * 1024;

/** Most messages are smaller by far: of such bodies thousands may be on their way at once. */
const SMALL_BODY_BYTES = 16 * 1024;

/**
 * What all larger bodies that are on their way may come to, each counted as it was announced. Who sends slowly on a
 * few hundred connections takes this room and no more, and ordinary messages go on.
 */
const LARGE_BODIES_BYTES = 64 * 2 ** 20;

/** What they come to now. It is one room for the process, as its memory is one. */
let largeBodiesBytes = 0;

const refuse = () => {
  throw new HttpFailure('body_too_large');
};

const count = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: refuse });

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body of a request. Rejects with an `HttpFailure` for what is too large, and for what is not UTF-8, of which
 * `Request.text()` would make something that was never sent.
 */
export async function textOf(c: Context): Promise<string> {
  try {
    return await takeIn(c);
  } catch (error) {
    // Bytes that are no text, or a client that went away in mid-sentence.
    throw error instanceof HttpFailure ? error : new HttpFailure('malformed_body');
  }
}

function takeIn(c: Context): Promise<string> {
  const length = c.req.header('Content-Length');
  // A host holds a body to the length that it announces, so that only others have to be counted. On Node it costs
  // more than all the rest of a request to open the stream.
  if (length === undefined || c.req.header('Transfer-Encoding') !== undefined) {
    return inRoomFor(MAX_BODY_BYTES, async () => {
      await count(c as Context<Env, string>, () => Promise.resolve());
      return utf8.decode(await c.req.raw.arrayBuffer());
    });
  }
  const bytes = Number(length);
  if (!(bytes <= MAX_BODY_BYTES)) refuse();
  const decoded = () => c.req.raw.arrayBuffer().then((buffer) => utf8.decode(buffer));
  return bytes <= SMALL_BODY_BYTES ? decoded() : inRoomFor(bytes, decoded);
}

/** Takes in a body of at most `bytes`, if there is room for it. */
async function inRoomFor(bytes: number, decoded: () => Promise<string>): Promise<string> {
  if (largeBodiesBytes + bytes > LARGE_BODIES_BYTES) throw new HttpFailure('overloaded');
  largeBodiesBytes += bytes;
  try {
    return await decoded();
  } finally {
    largeBodiesBytes -= bytes;
  }
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/;

/** The JSON in the body `text`; an empty object where there is no body, and nothing was said of one. */
export function jsonIn(c: Context, text: string): unknown {
  const contentType = c.req.header('Content-Type') ?? '';
  if (contentType === '' && text === '') return {};
  if (contentType !== 'application/json' && !JSON_TYPE.test(mediaTypeOf(contentType))) {
    throw new HttpFailure('unsupported_media_type');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpFailure('malformed_body');
  }
}

function mediaTypeOf(contentType: string): string {
  return contentType.replace(/;.*$/s, '').trim().toLowerCase();
}

/** A JSON object with these members and no others. */
export function bodyOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: 'must be an object' });
}
