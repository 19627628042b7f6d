import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Peer } from './middleware/rate-limit.ts';
import { makeBudget } from '../../application/budget.ts';
import { HttpFailure } from './problems.ts';

/** The maximum size of a body in bytes: enough for 20,000 characters of content, each escaped as a surrogate pair. */
const MAX_BODY_BYTES = 256 * 1024;

/** Bodies up to this size in bytes are not counted in `memory`. Most messages are far smaller. */
const SMALL_BODY_BYTES = 16 * 1024;

/** The initial size of the buffer of a larger body, in bytes. */
const INITIAL_BUFFER_BYTES = 4 * 1024;

/**
 * The memory budget of this process for larger bodies that are still arriving: 64 MiB in total, 16 MiB per caller. A buffer
 * grows with the received data, so a body that stalls after one byte holds only 4 KiB.
 */
const memory = makeBudget({ total: 64 * 2 ** 20, share: 16 * 2 ** 20 });

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body of a request as text. Rejects with an `HttpFailure` if the body is too large, compressed or not declared as JSON
 * (before reading it, if the headers show this), or if it is not valid UTF-8. `Request.text()` would replace invalid bytes.
 */
export async function textOf(c: Context): Promise<string> {
  const contentType = c.req.header('Content-Type') ?? '';
  if (contentType !== '' && !isJson(contentType)) throw new HttpFailure('unsupported_media_type');
  if (!IDENTITY.test(c.req.header('Content-Encoding') ?? '')) {
    throw new HttpFailure('unsupported_content_coding');
  }
  const length = c.req.header('Content-Length');
  const declaredLength =
    length === undefined || c.req.header('Transfer-Encoding') !== undefined ? null : Number(length);
  if (declaredLength !== null && !(declaredLength <= MAX_BODY_BYTES)) throw new HttpFailure('body_too_large');
  (c.env as Peer | undefined)?.sendContinue?.();
  try {
    // The host enforces Content-Length, so a small declared length needs no counting. On Node, opening the body stream
    // costs more than the rest of the request.
    return utf8.decode(
      declaredLength !== null && declaredLength <= SMALL_BODY_BYTES
        ? await c.req.raw.arrayBuffer()
        : await receive(c, declaredLength ?? MAX_BODY_BYTES),
    );
  } catch (error) {
    // The bytes are not UTF-8, or the client disconnected before the end of the body.
    throw error instanceof HttpFailure ? error : new HttpFailure('malformed_body');
  }
}

/** Reads a body of at most `maxBytes`. Reserves memory as the data arrive. */
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
        const capacity = Math.min(maxBytes, Math.max(needed, 2 * buffer.length, INITIAL_BUFFER_BYTES));
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

/** The JSON in the body `text`; an empty object if there is no body and no Content-Type. */
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

/** The schema of a JSON object with these members and no others. */
export function bodyOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: 'must be an object' });
}
