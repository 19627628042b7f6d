import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { analyse } from 'scslre';
import { describe, test } from 'vitest';

/*
 * Validators generated from the OpenAPI document run its patterns on untrusted input, so each must take linear time.
 * The check analyses the patterns and measures no time.
 */

const document: unknown = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));

/** Every `pattern` of a schema below `node`. */
function patternsIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]) =>
    name === 'pattern' && typeof value === 'string' ? [value] : patternsIn(value),
  );
}

/** The reasons why matching `pattern` may take more than linear time. JSON Schema uses the flag `u`. */
function slowPartsOf(pattern: string): string[] {
  return analyse({ source: pattern, flags: 'u' }).reports.map(({ type }) => type);
}

describe('a pattern of the OpenAPI document', () => {
  const patterns = [...new Set(patternsIn(document))];

  test.each(patterns)('is matched in linear time: %s', (pattern) => {
    assert.deepEqual(slowPartsOf(pattern), []);
    // Without an anchor, a search restarts at each character.
    assert.match(pattern, /^\^.*\$$/s);
  });

  test('is reported if it is quadratic or exponential', () => {
    assert.ok(patterns.length >= 5);
    for (const slow of [String.raw`^[^\x00]*[^\s\x00][^\x00]*$`, '^(a+)+$', String.raw`^\s*\s*$`]) {
      assert.notDeepEqual(slowPartsOf(slow), [], slow);
    }
  });
});
