import type { Context } from 'hono';
import { accepts } from 'hono/accepts';

/** Values of `Cache-Control`: clients revalidate the file each time, or keep it for an hour. */
export const CACHE_REVALIDATE = 'no-cache';
export const CACHE_ONE_HOUR = 'public, max-age=3600';

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

/** Reads a file by its name; null if there is no such file. */
export type ReadAsset = (name: string) => Promise<Uint8Array<ArrayBuffer> | null>;

/**
 * The files whose names and content types are in `contentTypes`, by name. Each is read and compressed once; a file that is
 * missing or unreadable is tried again at the next request. Resolves with null if there is no such file.
 */
export function makeStaticFiles(
  readAsset: ReadAsset,
  contentTypes: ReadonlyMap<string, string>,
): (name: string) => Promise<StaticFile | null> {
  const files = new Map<string, Promise<StaticFile | null>>();
  return async (name) => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const contentType = contentTypes.get(name);
    if (contentType === undefined) return null;
    const file = readAsset(name).then((bytes) => bytes && makeStaticFile(bytes, contentType));
    files.set(name, file);
    void file.then(
      (found) => found === null && files.delete(name),
      () => files.delete(name),
    );
    return file;
  };
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
