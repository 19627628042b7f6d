import type { z } from '@hono/zod-openapi';
import type { ValidationTargets } from 'hono';
import type { FieldError } from './problems.ts';

/** So many faults tell enough, and keep an answer small whatever was sent. */
const MAX_FIELD_ERRORS = 10;

/** The most code units of a name that was sent and that we do not know. */
const MAX_NAME_LENGTH = 64;

/** What zod found wrong with one part of a request. */
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

/** A JSON Pointer (RFC 6901) in a URI fragment, as RFC 9457 shows it. */
function pointerTo(path: readonly PropertyKey[]): string {
  const tokens = path.map((token) => {
    const name = String(token);
    const shown = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
    return `/${encodeURIComponent(shown.replaceAll('~', '~0').replaceAll('/', '~1').toWellFormed())}`;
  });
  return `#${tokens.join('')}`;
}
