/** What is used of a Workers platform. Its own types would claim the globals of every other host's files as well. */

/** What answers requests: an object, or the files that a deployment brings along. */
export interface Fetcher {
  fetch(request: Request | string): Promise<Response>;
}

/** The objects of one class. Each name is one object, of which there is one at a time wherever it is asked for. */
export interface ObjectNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): Fetcher;
}

/** The bindings of a deployment: these two, and the settings under the names that they have everywhere. */
export interface Bindings {
  readonly MESSENGER: ObjectNamespace;
  readonly DOCS_ASSETS: Fetcher;
  readonly [setting: string]: unknown;
}

/** The settings among `bindings`, as environment variables; the platform has null for one that is not set. */
export function settingsIn(bindings: Bindings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
