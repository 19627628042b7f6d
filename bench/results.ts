import type { Measured } from './statistics.ts';

/** A table of the results. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A goal for a measured value: a minimum or a maximum. */
export interface Goal {
  readonly what: string;
  readonly goalIs: 'least' | 'most';
  readonly goal: number;
  readonly value: Measured;
}

/** Ratios as bars, with the spread of the rounds and the goal of each. */
export interface BarChart {
  readonly kind: 'bars';
  readonly title: string;
  /** What a bar means. */
  readonly subtitle: string;
  readonly bars: readonly {
    readonly name: string;
    readonly value: Measured;
    readonly goalIs: 'least' | 'most';
    readonly goal: number | null;
  }[];
}

/** Values by size as lines, both on logarithmic axes. */
export interface LineChart {
  readonly kind: 'lines';
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly { readonly size: number; readonly value: Measured }[];
  }[];
}

export type Chart = BarChart | LineChart;

/** The results of one part of the benchmark. */
export interface Section {
  readonly title: string;
  /** The question that the part answers, its method and its data. */
  readonly about: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  readonly charts: readonly Chart[];
}

/** A section, its duration, and when it ran. */
export interface FinishedSection extends Section {
  readonly seconds: number;
  readonly date: string;
  /** The commit of the measured code, with `+` if files differed from it; null if unknown. */
  readonly commit: string | null;
  /** The load average of the last minute before the part. Far above 1, other processes disturbed the measurement. */
  readonly loadBefore: number;
}

/** The conditions of a run. */
export interface Conditions {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** Null if the run did not use Cassandra. */
  readonly cassandra: string | null;
  readonly driver: string;
  readonly hono: string;
  readonly quick: boolean;
}

export interface Results {
  readonly conditions: Conditions;
  readonly sections: Readonly<Record<string, FinishedSection>>;
}

/**
 * The results of a run with the stored results of other parts; null if those were measured under other conditions. Parts
 * without Cassandra fit to any version of it. The parts are in the order of `names`.
 */
export function mergedResults(stored: Results, run: Results, names: readonly string[]): Results | null {
  const cassandra = run.conditions.cassandra ?? stored.conditions.cassandra;
  const conditions = { ...run.conditions, cassandra };
  const storedConditions = { ...stored.conditions, cassandra: stored.conditions.cassandra ?? cassandra };
  if (JSON.stringify(storedConditions) !== JSON.stringify(conditions)) return null;
  const all = { ...stored.sections, ...run.sections };
  const inOrder = names.flatMap((name) => (name in all ? [[name, all[name]!] as const] : []));
  return { conditions, sections: Object.fromEntries(inOrder) };
}

/** Formats a number with three significant digits, or all integer digits. */
export function figure(value: number): string {
  if (Math.abs(value) >= 1000 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** Formats a median with its spread. */
export function spread({ median, low, high }: Measured): string {
  return `${figure(median)} (${figure(low)}–${figure(high)})`;
}

export function isMet({ goalIs, goal, value: { median } }: Omit<Goal, 'what'>): boolean {
  return goalIs === 'least' ? median >= goal : median <= goal;
}

/** The conditions in one line. */
export function conditionsLine({ conditions, sections }: Results): string {
  const { cpu, cores, node, cassandra, driver, hono, quick } = conditions;
  const dates = [...new Set(Object.values(sections).map(({ date }) => date))].sort();
  const [first] = Object.values(sections);
  return [
    dates.join(', '),
    `${cpu}, ${cores} cores`,
    `Node ${node}`,
    ...(cassandra === null ? [] : [`Cassandra ${cassandra}`]),
    `cassandra-driver ${driver}`,
    `hono ${hono}`,
    `load average before the first part ${figure(first?.loadBefore ?? 0)}`,
    ...(quick ? ['a quick run: rough figures'] : []),
  ].join(' · ');
}

/** The complete results as Markdown. */
export function markdownOf(results: Results): string {
  const sections = Object.values(results.sections);
  const seconds = sections.reduce((sum, section) => sum + section.seconds, 0);
  const goals = sections.flatMap((section) => section.goals);
  const missed = goals.filter((goal) => !isMet(goal)).length;
  const goalTable: Table = {
    title: '',
    columns: ['goal', 'wanted', 'measured', 'result'],
    rows: goals.map((goal) => [
      goal.what,
      `${goal.goalIs === 'least' ? '≥' : '≤'} ${figure(goal.goal)}`,
      spread(goal.value),
      isMet(goal) ? 'met' : '**missed**',
    ]),
  };
  const goalsText = results.conditions.quick
    ? 'A quick run is too short for them.\n'
    : `${goals.length - missed} of ${goals.length} goals are met, ${missed} are missed.\n\n${markdownTable(goalTable)}`;
  return `# Benchmark results

${conditionsLine(results)}

The service, the load generator and one node of Cassandra share the cores. The parts took ${seconds} s. Each figure with a
spread is the median of the rounds, with the lowest and the highest. Ratios are those of the service to the other side.

## Goals

${goalsText}
${sections.map(sectionMarkdown).join('\n')}`;
}

function sectionMarkdown({ title, about, tables, date, commit, loadBefore }: FinishedSection): string {
  const run = `Measured on ${date}${commit === null ? '' : `, commit ${commit}`}, load average before the part ${figure(loadBefore)}.`;
  return `## ${title}\n\n${about}\n\n${run}\n\n${tables.map(markdownTable).join('\n')}`;
}

function markdownTable({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '--:'));
  return `${title === '' ? '' : `${title}\n\n`}${[columns, rule, ...rows].map(line).join('')}`;
}
