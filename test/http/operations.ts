import { readFileSync } from 'node:fs';
import type { OpenApiDocument, Schema } from './documented.ts';

/** The committed OpenAPI document. */
export const openApiDocument = JSON.parse(
  readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'),
) as OpenApiDocument;

/** A valid request for an operation, from the examples in the document. */
export interface OperationRequest {
  readonly operationId: string;
  /** In capitals. */
  readonly method: string;
  /** The path and query with each parameter that is required or has an example. */
  readonly path: string;
  /** Undefined if the operation has none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** The schema of the body. */
  readonly bodySchema: Schema | undefined;
}

/** A request for each operation of `document`. Throws an `Error` that names a missing example. */
export function requestsOf(document: OpenApiDocument): OperationRequest[] {
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, { operationId, parameters = [], requestBody }]) => {
      const exampleOf = (name: string, schema: Schema): unknown => {
        const { example } = resolved(document, schema);
        if (example === undefined) throw new Error(`${operationId}: ${name} has no example in openapi.json`);
        return example;
      };
      let path = template;
      const query = new URLSearchParams();
      for (const { name, in: place, required = false, schema } of parameters) {
        if (!required && resolved(document, schema).example === undefined) continue;
        const value = String(exampleOf(name, schema));
        if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
        if (place === 'query') query.set(name, value);
      }
      if (query.size > 0) path += `?${query.toString()}`;
      const given = requestBody?.content['application/json'].schema;
      const bodySchema = given && resolved(document, given);
      const body =
        bodySchema &&
        Object.fromEntries(
          Object.entries(bodySchema.properties ?? {}).map(([name, schema]) => [
            name,
            exampleOf(name, schema),
          ]),
        );
      return { operationId, method: method.toUpperCase(), path, body, bodySchema };
    }),
  );
}

function resolved(document: OpenApiDocument, schema: Schema): Schema {
  const name = schema.$ref?.replace('#/components/schemas/', '');
  return name === undefined ? schema : { ...document.components.schemas[name], ...schema };
}

/** A request for each operation. */
export const REQUESTS = requestsOf(openApiDocument);

/** A request for each operation under /api, which require a token if authentication is on. */
export const API_REQUESTS = REQUESTS.filter(({ path }) => path.startsWith('/api/'));

/** A request for each other operation: documentation and health, without a token. */
export const PUBLIC_REQUESTS = REQUESTS.filter((request) => !API_REQUESTS.includes(request));
