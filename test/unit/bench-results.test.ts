import { expect, test } from 'vitest';
import { markdownOf, mergedResults, type FinishedSection, type Results } from '../../bench/results.ts';

const CONDITIONS = {
  cpu: 'a processor',
  cores: 2,
  node: 'v20',
  cassandra: '5.0.9',
  driver: '4.10.0',
  hono: '4.13.19',
  quick: false,
};
const PARTS = ['baseline', 'memory', 'naive'];

function section(title: string, run: Partial<FinishedSection> = {}): FinishedSection {
  const finished = { seconds: 1, date: '2026-11-29', commit: 'abc1234', loadBefore: 0.5 };
  return { title, about: 'About.', tables: [], goals: [], charts: [], ...finished, ...run };
}

function results(
  titles: Readonly<Record<string, string>>,
  conditions: Partial<Results['conditions']> = {},
): Results {
  const sections = Object.entries(titles).map(([name, title]) => [name, section(title)] as const);
  return { conditions: { ...CONDITIONS, ...conditions }, sections: Object.fromEntries(sections) };
}

test('a run replaces the stored results of its parts, and keeps those of others', () => {
  const stored = results({ naive: 'old', baseline: 'old' });
  const merged = mergedResults(stored, results({ baseline: 'new' }), PARTS);
  expect(merged).toEqual(results({ baseline: 'new', naive: 'old' }));
  expect(Object.keys(merged!.sections)).toEqual(['baseline', 'naive']);
});

test('a part without Cassandra fits to stored results with it, and the other way round', () => {
  const [memory, baseline] = [results({ memory: 'm' }, { cassandra: null }), results({ baseline: 'b' })];
  const both = results({ baseline: 'b', memory: 'm' });
  expect(mergedResults(baseline, memory, PARTS)).toEqual(both);
  expect(mergedResults(memory, baseline, PARTS)).toEqual(both);
});

test('results under other conditions do not mix', () => {
  const stored = results({ naive: 'old' });
  for (const other of [{ node: 'v22' }, { cassandra: '5.0.8' }, { quick: true }]) {
    expect(mergedResults(stored, results({ baseline: 'new' }, other), PARTS)).toBeNull();
  }
});

test('each part says when and from which commit it was measured', () => {
  const { conditions } = results({});
  const sections = { baseline: section('B', { loadBefore: 5.77 }), memory: section('M', { commit: null }) };
  const markdown = markdownOf({ conditions, sections });
  expect(markdown).toContain('Measured on 2026-11-29, commit abc1234, load average before the part 5.77.');
  expect(markdown).toContain('Measured on 2026-11-29, load average before the part 0.50.');
});
