import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Fetch } from './client.ts';

interface Media {
  readonly schema: object;
}

/** Of a JSON Schema in the document, what tests ask for. */
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

/** What of an OpenAPI document answers are held to. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** The zod schema of a JSON Schema out of `document`. */
export function zodOf(document: OpenApiDocument, schema: object): z.ZodType {
  const local = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(local.replaceAll('#/components/schemas/', '#/$defs/')));
}

/**
 * `fetch`, each of whose answers is held to what `document` says: that its operation has this status, in this media
 * type and of this shape, with all headers that were set for the caller. Answers of no operation are problems.
 */
export function documented(fetch: Fetch, document: OpenApiDocument): Fetch {
  const templates = Object.entries(document.paths)
    // A literal path goes before one with parameters.
    .sort(([one], [other]) => one.split('{').length - other.split('{').length)
    .map(([path, operations]) => ({ pattern: patternOf(path), operations }));
  const schemas = new Map<object, z.ZodType>();
  const problem = { $ref: '#/components/schemas/Problem' };

  const check = (schema: object, value: unknown) => {
    const known = schemas.get(schema) ?? zodOf(document, schema);
    schemas.set(schema, known);
    const { error } = known.safeParse(value);
    assert.equal(error, undefined, `not as documented: ${JSON.stringify(value).slice(0, 500)}`);
  };

  return async (request) => {
    const path = new URL(request.url).pathname.replace(/(?<=.)\/$/, '');
    const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase();
    const response = await fetch(request);
    const operation = templates.find(({ pattern }) => pattern.test(path))?.operations[method];
    const type = response.headers.get('Content-Type') ?? '';
    const body =
      type.includes('json') && request.method !== 'HEAD' ? await response.clone().json() : undefined;
    if (operation === undefined) {
      if (body !== undefined) check(problem, body);
      return response;
    }
    const answer = operation.responses[response.status];
    assert.ok(answer, `${method} ${path} answers ${response.status}, which is not documented`);
    const media = answer.content?.[type];
    assert.ok(media, `${method} ${path} answers ${response.status} as ${type}, which is not documented`);
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
    if (body !== undefined) check(media.schema, body);
    return response;
  };
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`);
}
