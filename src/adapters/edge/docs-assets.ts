import type { Fetcher } from './platform.ts';

/** Reads a file of Swagger UI from the static assets of the deployment; null if there is no such file. */
export function makeDocsAssets(files: Fetcher): (name: string) => Promise<Uint8Array<ArrayBuffer> | null> {
  return async (name) => {
    // The platform ignores the host, but a URL must have one.
    const response = await files.fetch(`http://docs-assets/${encodeURIComponent(name)}`);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    if (response.status === 404) return null;
    throw new Error(`Reading a documentation file failed with status ${response.status}.`);
  };
}
