import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  storedResults,
  withFigures,
  withoutFigures,
  wrongFiguresIn,
  type FigureResults,
} from '../../bench/figures.ts';
import { documents, withoutFences } from '../support/documents.ts';

/** Text that reads like a figure about performance. */
const UNLINKED =
  /\d[\d.,]* ?(?:ms\b|requests (?:a|per) second|times (?:as|the|its|more|less|slower|faster)\b)|\b0\.\d+ of\b/g;

/** What is wrong with the figures in a document: they must be links, and their values must be in the results. */
function problemsIn(text: string, results: FigureResults): string[] {
  const prose = withoutFences(text).replace(/\s+/g, ' ');
  const rest = withoutFigures(prose).replace(/`[^`]*`/g, '');
  const unlinked = [...rest.matchAll(UNLINKED)].map(([found]) => `${found} has no link to the results`);
  return [...wrongFiguresIn(prose, results), ...unlinked];
}

test.each(documents())(
  'the figures in %s are in the results; `npm run bench -- --update-documents` corrects them',
  (file) => {
    expect(problemsIn(readFileSync(file, 'utf8'), storedResults())).toEqual([]);
  },
);

const RESULTS = {
  sections: {
    size: {
      tables: [
        {
          title: '',
          columns: ['page', 'connections', '**time**'],
          rows: [['history: newest page', '16', '1.10 (0.90–1.30)']],
        },
      ],
    },
  },
} as unknown as FigureResults;

test('finds a figure that is wrong, is not in the results, or has no link', () => {
  const row = 'size: history: newest page, 16';
  const text = [
    `[1.10](bench/results/results.md '${row}: time')`,
    `[9.99](bench/results/results.md '${row}: time')`,
    `[1](bench/results/results.md "${row}: no such column")`,
    '[2](bench/results/results.md)',
    'A page takes 12 ms, 0.9 of the time, or 3.5 times as long. `7 ms` is a constant.',
  ].join('\n');
  expect(problemsIn(text, RESULTS)).toEqual([
    `9.99 is not at "${row}: time", but 1.10`,
    `1 is not at "${row}: no such column"`,
    '2 has no title that says where it is',
    '12 ms has no link to the results',
    '0.9 of has no link to the results',
    '3.5 times as has no link to the results',
  ]);
});

test('writes the figures of the results into links, also across lines', () => {
  const place = "'size: history:\nnewest page: time'";
  expect(withFigures(`a [9](../results.md ${place}) b`, RESULTS)).toBe(`a [1.10](../results.md ${place}) b`);
  expect(() => withFigures("[9](results.md 'size: no such row: time')", RESULTS)).toThrow('no such row');
});
