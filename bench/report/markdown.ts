import type { Goal, Played, Section, Table } from './section.ts';

/** The conditions of a run. */
export interface Conditions {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** Null if the run did not use Cassandra. */
  readonly cassandra: string | null;
  readonly driver: string;
  readonly hono: string;
  readonly quick: boolean;
}

/** The conditions in one line. */
export function placeOf({ date, cpu, cores, node, cassandra, driver, hono, quick }: Conditions): string {
  return [
    date,
    `${cpu}, ${cores} cores`,
    `Node ${node}`,
    ...(cassandra === null ? [] : [`Cassandra ${cassandra}`]),
    `cassandra-driver ${driver}`,
    `hono ${hono}`,
    ...(quick ? ['a quick run'] : []),
  ].join(' · ');
}

/** The complete results as Markdown. */
export function markdownOf(conditions: Conditions, sections: readonly Played[]): string {
  const seconds = sections.reduce((sum, section) => sum + section.seconds, 0);
  const goals = sections.flatMap((section) => section.goals);
  return `# What it costs

${placeOf(conditions)}

The service, the load generator and one node of Cassandra share the cores. The parts took ${seconds} s.

${[...sections.map(sectionOf), ...(goals.length > 0 ? [goalsOf(goals)] : [])].join('\n')}`;
}

function goalsOf(goals: readonly Goal[]): string {
  const missed = goals.filter(({ met }) => !met);
  return `## Goals

${goals.length - missed.length} of ${goals.length} were met.${missed.length === 0 ? '' : ' These were not:'}

${missed.map((goal) => `- ${sentenceOf(goal)}\n`).join('')}`;
}

function sectionOf({ title, about, tables }: Section): string {
  return `## ${title}\n\n${about}\n\n${tables.map(textOf).join('\n')}`;
}

function textOf({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '--:'));
  return `${title === '' ? '' : `${title}\n\n`}${[columns, rule, ...rows].map(line).join('')}`;
}

function sentenceOf({ what, wanted, got }: Goal): string {
  return `${what}: ${got}, wanted ${wanted}`;
}
