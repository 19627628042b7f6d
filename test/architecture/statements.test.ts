import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const folder = new URL('../../src/adapters/cassandra/', import.meta.url);

/** Files whose statements are sent once or to one node, or cannot be prepared. */
const NOT_PREPARED_AT_START = ['clock-measurement.ts', 'node-settings.ts'];

/** The files of the adapter that the service loads. */
function filesFrom(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  const text = readFileSync(new URL(name, folder), 'utf8');
  for (const [, imported] of text.matchAll(/^(?:import|export|\}) .*from '\.\/([\w-]+\.ts)';$/gm))
    filesFrom(imported!, seen);
  return seen;
}

/** The statements in `text` that are not declared as prepared. */
function undeclared(text: string): string[] {
  return [
    ...text.matchAll(
      /(?<!\bprepared\()`\s*((?:SELECT\b[^`]*\bFROM|INSERT INTO|UPDATE\b[^`]*\bSET|DELETE\b[^`]*\bFROM)\b[^`]*)`/g,
    ),
  ].map(([, query]) => query!.replace(/\s+/g, ' '));
}

describe('every statement of the service is prepared when storage opens', () => {
  const files = [...filesFrom('storage.ts')].filter((name) => !NOT_PREPARED_AT_START.includes(name));

  test('the files are found', () => {
    expect(files).toEqual(expect.arrayContaining(['inbox.ts', 'late-events.ts', 'message-repository.ts']));
  });

  test.each(files)('%s', (name) => {
    expect(undeclared(readFileSync(new URL(name, folder), 'utf8'))).toEqual([]);
  });

  test('a statement that is declared without `prepared` is found', () => {
    expect(undeclared('const A = `\n  SELECT a\n  FROM b`; const B = prepared(`SELECT b FROM c`);')).toEqual([
      'SELECT a FROM b',
    ]);
  });
});
