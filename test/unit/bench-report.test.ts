import { expect, test } from 'vitest';
import { goalsOf } from '../../bench/against-floor.ts';
import type { Duel } from '../../bench/duel.ts';
import { markdownOf } from '../../bench/report/markdown.ts';
import { pictureOf } from '../../bench/report/picture.ts';
import { figure } from '../../bench/report/words.ts';

const exactly = (value: number) => ({ median: value, low: value, high: value });
const score = { perSecond: exactly(1), p50: exactly(1), p99: exactly(1) };

function duelOf(throughput: number, p99: number): Duel {
  return {
    clients: 16,
    one: score,
    other: score,
    throughput: exactly(throughput),
    p99: exactly(p99),
  };
}

test('a throughput at its goal and a p99 at its goal are met, those just beyond are not', () => {
  const met = (throughput: number, p99: number): boolean[] =>
    goalsOf([{ name: 'send', duel: duelOf(throughput, p99) }]).map((goal) => goal.met);
  expect(met(0.9, 1.15)).toEqual([true, true]);
  expect(met(0.899, 1.151)).toEqual([false, false]);
});

test('figures keep the digits that matter', () => {
  expect([0.936, 12.34, 345.6, 7_654.3, 10].map(figure)).toEqual(['0.94', '12.3', '346', '7,654', '10']);
});

const conditions = {
  date: '2026-01-31',
  cpu: 'a CPU',
  cores: 2,
  node: 'v20',
  cassandra: null,
  driver: '4',
  hono: '4',
  quick: true,
};

test('the result names each goal that was missed, with its figure, and no other', () => {
  const goals = goalsOf([{ name: 'send', duel: duelOf(0.5, 1) }]);
  const section = { title: 'T', about: 'A', tables: [], goals, bars: [], figures: null, seconds: 9 };
  const text = markdownOf(conditions, [section]);
  expect(text).toContain('1 of 2 were met');
  expect(text).toContain("send, 16 clients: throughput of the floor's: 0.50, wanted ≥ 0.9");
  expect(text).not.toContain('wanted ≤');
});

test('the picture names each bar and its ratio', () => {
  const bars = [{ name: 'inbox & <page>', ratio: 0.93, low: 0.9, high: 1 }];
  const picture = pictureOf([{ title: 'Of the floor', goal: 0.9, goalIs: 'least', bars }], 'here');
  expect(picture).toMatch(/^<svg /);
  // An attribute that holds a quotation mark goes on where it should have ended.
  expect(picture).not.toMatch(/="[^"]*"[^\s>/]/);
  for (const text of ['Of the floor', 'inbox &amp; &lt;page&gt;', '0.93', 'here'])
    expect(picture).toContain(text);
});
