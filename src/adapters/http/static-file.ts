import type { Context } from 'hono';
import { accepts } from 'hono/accepts';

/** One way to send a file, with the tag by which a client that has it knows it again. */
interface Representation {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tag: string;
}

/** A file that never changes while the process runs. It is compressed once, not for each request. */
export interface StaticFile {
  readonly contentType: string;
  readonly identity: Representation;
  /** Null where this host can't compress. */
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
    identity: { bytes, tag: `"${hash}"` },
    gzip: compressed && { bytes: compressed, tag: `"${hash}-gzip"` },
  };
}

async function gzipOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  // Bun has it since 1.3.
  if (typeof CompressionStream === 'undefined') return null;
  // Workers compress by themselves, and would compress this once more.
  const { navigator } = globalThis as { navigator?: { userAgent?: string } };
  if (navigator?.userAgent === 'Cloudflare-Workers') return null;
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}

/** `file` as the client takes it. Hono's `etag` makes a 304 of it for whoever has it. */
export function staticResponse(c: Context, file: StaticFile, cacheControl: string): Response {
  const coding =
    file.gzip === null
      ? 'identity'
      : accepts(c, { header: 'Accept-Encoding', supports: ['gzip'], default: 'identity' });
  const { bytes, tag } = (coding === 'gzip' ? file.gzip : null) ?? file.identity;
  return c.body(bytes, 200, {
    'Content-Type': file.contentType,
    'Cache-Control': cacheControl,
    ETag: tag,
    Vary: 'Accept-Encoding',
    ...(coding === 'gzip' && { 'Content-Encoding': 'gzip' }),
  });
}
