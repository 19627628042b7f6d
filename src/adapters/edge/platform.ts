/** The part of a Workers platform's API that is used here. Its types would add globals to all other hosts' files. */

/** Handles requests: a durable object, or the static assets of a deployment. */
export interface Fetcher {
  fetch(request: Request | string): Promise<Response>;
}

/**
 * The durable objects of one class. The platform runs at most one instance of each name at a time, in all locations together.
 */
export interface ObjectNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): Fetcher;
}

/** The bindings of a deployment: these two, and the settings under the names of the environment variables. */
export interface Bindings {
  readonly MESSENGER: ObjectNamespace;
  readonly DOCS_ASSETS: Fetcher;
  readonly [setting: string]: unknown;
}

/** The settings in `bindings` as environment variables. A setting that is not set is null there, and omitted here. */
export function settingsIn(bindings: Bindings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
