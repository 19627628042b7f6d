import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Fetch } from './client.ts';

interface Media {
  readonly schema: object;
}

/** The parts of a JSON Schema that tests use. */
export interface Schema {
  readonly $ref?: string;
  readonly example?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<
    Record<string, { readonly headers?: object; readonly content?: Readonly<Record<string, Media>> }>
  >;
}

/** The parts of an OpenAPI document that responses are checked against. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** The zod schema for a JSON Schema of `document`. */
export function zodOf(document: OpenApiDocument, schema: object): z.ZodType {
  const local = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(local.replaceAll('#/components/schemas/', '#/$defs/')));
}

/** Returns a function that finds the operation of a request in `document`. */
export function makeFindOperation(document: OpenApiDocument): (request: Request) => Operation | undefined {
  const templates = Object.entries(document.paths)
    // A literal path has priority over one with parameters.
    .sort(([one], [other]) => one.split('{').length - other.split('{').length)
    .map(([path, operations]) => ({ pattern: patternOf(path), operations }));
  return ({ method, url }) => {
    const path = new URL(url).pathname.replace(/(?<=.)\/$/, '');
    const operations = templates.find(({ pattern }) => pattern.test(path))?.operations;
    return operations?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
  };
}

/**
 * `fetch` with each response checked against `document`: status, media type, schema and headers must be documented for
 * its operation. Responses without an operation must be problems. `onResponse` gets the operation and status of each
 * documented response.
 */
export function documented(
  fetch: Fetch,
  document: OpenApiDocument,
  onResponse: (operationId: string, status: number) => void = () => undefined,
): Fetch {
  const findOperation = makeFindOperation(document);
  const schemas = new Map<object, z.ZodType>();
  const problem = { $ref: '#/components/schemas/Problem' };

  const check = (schema: object, value: unknown) => {
    const known = schemas.get(schema) ?? zodOf(document, schema);
    schemas.set(schema, known);
    const { error } = known.safeParse(value);
    assert.equal(error, undefined, `not as documented: ${JSON.stringify(value).slice(0, 500)}`);
  };

  return async (request) => {
    const { method } = request;
    const path = new URL(request.url).pathname;
    const response = await fetch(request);
    const operation = findOperation(request);
    const type = response.headers.get('Content-Type') ?? '';
    const body = type.includes('json') && method !== 'HEAD' ? await response.clone().json() : undefined;
    if (operation === undefined) {
      if (body !== undefined) check(problem, body);
      return response;
    }
    const answer = operation.responses[response.status];
    assert.ok(answer, `${method} ${path} answers ${response.status}, which is not documented`);
    const media = answer.content?.[type];
    if (answer.content === undefined) {
      assert.equal(type, '', `${method} ${path} answers ${response.status} without a media type`);
      assert.equal(await response.clone().text(), '', `${method} ${path} answers without a body`);
    } else {
      assert.ok(media, `${method} ${path} answers ${response.status} as ${type}, which is not documented`);
    }
    for (const name of [
      'X-Request-Id',
      'Location',
      'Retry-After',
      'Idempotency-Replayed',
      'WWW-Authenticate',
    ]) {
      const isDocumented = Object.hasOwn(answer.headers ?? {}, name);
      assert.ok(isDocumented || !response.headers.has(name), `${method} ${path}: ${name} is not documented`);
    }
    if (body !== undefined && media !== undefined) check(media.schema, body);
    onResponse(operation.operationId, response.status);
    return response;
  };
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`);
}
