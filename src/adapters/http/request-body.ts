import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Peer } from './middleware/rate-limit-key.ts';
import { makeBodyMemory } from './body-memory.ts';
import { HttpFailure } from './problems.ts';

/** The most bytes of a body: enough for 20,000 characters of content, each escaped as a surrogate pair. */
const MAX_BODY_BYTES = 256 * 1024;

/** Most messages are smaller by far: of such bodies thousands may be on their way at once. */
const SMALL_BODY_BYTES = 16 * 1024;

/** What the buffer of a larger body begins with, and what it grows by at least. */
const FIRST_BYTES = 4 * 1024;

/**
 * What the buffers of all larger bodies that are arriving may take, and what those of one caller may. It is one memory
 * for the process. A buffer grows with what has arrived, so a body that stops after a byte holds 4 KiB and no more.
 */
const memory = makeBodyMemory({ total: 64 * 2 ** 20, share: 16 * 2 ** 20 });

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body of a request. Rejects with an `HttpFailure` for what is too large, compressed or said to be no JSON, before
 * any of it is read where the header tells; and for what is not UTF-8, of which `Request.text()` would make something
 * that was never sent.
 */
export async function textOf(c: Context): Promise<string> {
  const contentType = c.req.header('Content-Type') ?? '';
  if (contentType !== '' && !isJson(contentType)) throw new HttpFailure('unsupported_media_type');
  if (!IDENTITY.test(c.req.header('Content-Encoding') ?? '')) {
    throw new HttpFailure('unsupported_content_coding');
  }
  const length = c.req.header('Content-Length');
  const announced =
    length === undefined || c.req.header('Transfer-Encoding') !== undefined ? null : Number(length);
  if (announced !== null && !(announced <= MAX_BODY_BYTES)) throw new HttpFailure('body_too_large');
  (c.env as Peer | undefined)?.sendContinue?.();
  try {
    // A host holds a body to the length that it announces, so that only others have to be counted. On Node it costs
    // more than all the rest of a request to open the stream.
    return utf8.decode(
      announced !== null && announced <= SMALL_BODY_BYTES
        ? await c.req.raw.arrayBuffer()
        : await receive(c, announced ?? MAX_BODY_BYTES),
    );
  } catch (error) {
    // Bytes that are no text, or a client that went away in mid-sentence.
    throw error instanceof HttpFailure ? error : new HttpFailure('malformed_body');
  }
}

/** Reads a body of at most `maxBytes` into memory that is reserved as it arrives. */
async function receive(c: Context, maxBytes: number): Promise<Uint8Array> {
  const { body } = c.req.raw;
  if (body === null) return new Uint8Array();
  const key = c.get('rateLimitKeyOf')(c);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  let buffer = new Uint8Array();
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return buffer.subarray(0, length);
      const needed = length + value.length;
      if (needed > maxBytes) throw new HttpFailure('body_too_large');
      if (needed > buffer.length) {
        const capacity = Math.min(maxBytes, Math.max(needed, 2 * buffer.length, FIRST_BYTES));
        if (!memory.reserve(key, capacity - buffer.length)) throw new HttpFailure('overloaded');
        const larger = new Uint8Array(capacity);
        larger.set(buffer);
        buffer = larger;
      }
      buffer.set(value, length);
      length = needed;
    }
  } finally {
    memory.release(key, buffer.length);
    reader.releaseLock();
  }
}

const IDENTITY = /^(?:identity)?$/i;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/;

/** The JSON in the body `text`; an empty object where there is no body, and nothing was said of one. */
export function jsonIn(c: Context, text: string): unknown {
  const contentType = c.req.header('Content-Type') ?? '';
  if (contentType === '' && text === '') return {};
  if (!isJson(contentType)) throw new HttpFailure('unsupported_media_type');
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpFailure('malformed_body');
  }
}

function isJson(contentType: string): boolean {
  if (contentType === 'application/json') return true;
  return JSON_TYPE.test(contentType.replace(/;.*$/s, '').trim().toLowerCase());
}

/** A JSON object with these members and no others. */
export function bodyOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: 'must be an object' });
}
