import type { Fetcher } from './platform.ts';

/** The files of Swagger UI out of those that a deployment brings along; null for one that is not among them. */
export function makeDocsAssets(files: Fetcher): (name: string) => Promise<Uint8Array<ArrayBuffer> | null> {
  return async (name) => {
    // The host is of no account, but a URL must have one.
    const response = await files.fetch(`http://docs-assets/${encodeURIComponent(name)}`);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    if (response.status === 404) return null;
    throw new Error(`The files of the documentation can't be read: ${response.status}.`);
  };
}
