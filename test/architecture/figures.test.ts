import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documents, withoutFences } from '../support/documents.ts';

/**
 * A figure about performance in a document is a link to results.md, whose title says where it is:
 * `part: row: column`. The row is its first cells, separated by commas.
 */

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const { sections } = JSON.parse(readFileSync('bench/results/results.json', 'utf8')) as {
  sections: Record<string, { tables: readonly Table[] }>;
};

test.each(documents())('the figures in %s are in the results', (file) => {
  expect(wrongFiguresIn(readFileSync(file, 'utf8'))).toEqual([]);
});

test('finds a figure that is wrong, is not in the results, or has no link', () => {
  const row = 'flat: newest page of 100 messages';
  const text = [
    `[1.10](bench/results/results.md '${row}: rows read for each')`,
    `[9.99](bench/results/results.md '${row}: rows read for each')`,
    `[1](bench/results/results.md "${row}: no such column")`,
    '[2](bench/results/results.md)',
    'A page takes 12 ms, 0.9 of the time, or 3.5 times as long. `7 ms` is a constant.',
  ].join('\n');
  expect(wrongFiguresIn(text)).toEqual([
    `9.99 is not at "${row}: rows read for each", but 1.10`,
    `1 is not at "${row}: no such column"`,
    '2 has no title that says where it is',
    '12 ms has no link to the results',
    '0.9 of has no link to the results',
    '3.5 times as has no link to the results',
  ]);
});

const FIGURE = /\[([\d.,]+)\]\([^\s)]*results\.md(?:\s+(?:'([^']*)'|"([^"]*)"))?\)/g;

/** Text that reads like a figure about performance. */
const UNLINKED =
  /\d[\d.,]* ?(?:ms\b|requests (?:a|per) second|times (?:as|the|its|more|less|slower|faster)\b)|\b0\.\d+ of\b/g;

function wrongFiguresIn(text: string): string[] {
  const prose = withoutFences(text).replace(/\s+/g, ' ');
  const wrong = [...prose.matchAll(FIGURE)].flatMap(([, figure = '', single, double]) => {
    const place = single ?? double;
    if (place === undefined) return `${figure} has no title that says where it is`;
    const found = figuresAt(place);
    if (found.includes(figure)) return [];
    const instead = found.length > 0 ? `, but ${found.join(' or ')}` : '';
    return `${figure} is not at "${place}"${instead}`;
  });
  const rest = prose.replace(FIGURE, '').replace(/`[^`]*`/g, '');
  const unlinked = [...rest.matchAll(UNLINKED)].map(([found]) => `${found} has no link to the results`);
  return [...wrong, ...unlinked];
}

/** The figures at `part: row: column`. A row may contain colons. */
function figuresAt(place: string): string[] {
  const [, part = '', row = '', column = ''] = /^(\w+): (.*): ([^:]*)$/.exec(place) ?? [];
  return (sections[part]?.tables ?? []).flatMap(({ columns, rows }) => {
    const index = columns.findIndex((name) => name.replaceAll('*', '') === column);
    return rows
      .filter((cells) => cells.some((_, end) => cells.slice(0, end + 1).join(', ') === row))
      .flatMap((cells) => cells[index]?.split(' ')[0] ?? []);
  });
}
