import type { Context } from 'hono';
import { accepts } from 'hono/accepts';

/** The bytes of a file in one content coding, with their ETag. */
interface Representation {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

/** A file that does not change while the process runs. It is compressed once, not for each request. */
export interface StaticFile {
  readonly contentType: string;
  readonly identity: Representation;
  /** Null if the host cannot compress. */
  readonly gzip: Representation | null;
}

export async function makeStaticFile(
  bytes: Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<StaticFile> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hash = btoa(String.fromCharCode(...digest.subarray(0, 18)))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
  const compressed = await gzipOf(bytes);
  return {
    contentType,
    identity: { bytes, etag: `"${hash}"` },
    gzip: compressed && { bytes: compressed, etag: `"${hash}-gzip"` },
  };
}

async function gzipOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  // Bun has CompressionStream since 1.3.
  if (typeof CompressionStream === 'undefined') return null;
  // Cloudflare Workers compress responses themselves, and would compress this one twice.
  const { navigator } = globalThis as { navigator?: { userAgent?: string } };
  if (navigator?.userAgent === 'Cloudflare-Workers') return null;
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}

/** The response with `file` in the coding that the client accepts. Hono's `etag` turns it into a 304 if the ETag matches. */
export function staticResponse(c: Context, file: StaticFile, cacheControl: string): Response {
  const coding =
    file.gzip === null
      ? 'identity'
      : accepts(c, { header: 'Accept-Encoding', supports: ['gzip'], default: 'identity' });
  const { bytes, etag } = (coding === 'gzip' ? file.gzip : null) ?? file.identity;
  return c.body(bytes, 200, {
    'Content-Type': file.contentType,
    'Cache-Control': cacheControl,
    ETag: etag,
    Vary: 'Accept-Encoding',
    ...(coding === 'gzip' && { 'Content-Encoding': 'gzip' }),
  });
}
