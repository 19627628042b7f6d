import type { z } from '@hono/zod-openapi';
import type { ValidationTargets } from 'hono';
import type { FieldError } from './problems.ts';

/** The maximum number of errors in a response. It bounds the size of the response. */
const MAX_FIELD_ERRORS = 10;

/** The maximum length of an unknown field name in a response, in code units. */
const MAX_NAME_LENGTH = 64;

/** The validation errors that zod found in one part of a request, at most `MAX_FIELD_ERRORS`. */
export function fieldErrorsOf(target: keyof ValidationTargets, { issues }: z.ZodError): FieldError[] {
  return issues
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .slice(0, MAX_FIELD_ERRORS)
            .map((key) => ({ path: [...issue.path, key], detail: 'is unknown' }))
        : [{ path: issue.path, detail: issue.message }],
    )
    .slice(0, MAX_FIELD_ERRORS)
    .map(({ path, detail }) =>
      target === 'json' ? { pointer: pointerTo(path), detail } : { parameter: path.join('.'), detail },
    );
}

/** A JSON Pointer (RFC 6901) as a URI fragment, as in RFC 9457. */
function pointerTo(path: readonly PropertyKey[]): string {
  const tokens = path.map((token) => {
    const name = String(token);
    const shown = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
    return `/${encodeURIComponent(shown.replaceAll('~', '~0').replaceAll('/', '~1').toWellFormed())}`;
  });
  return `#${tokens.join('')}`;
}
