import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../scripts/local-cassandra/project.ts';
import type { Results } from './results.ts';

/*
 * A figure about performance in a document is a link to results.md, whose title says where it is:
 * `part: row: column`. The row is its first cells, separated by commas.
 */

const FIGURE = /\[([\d.,]+)\]\(([^\s)]*results\.md)(?:(\s+)(?:'([^']*)'|"([^"]*)"))?\)/g;

/** The parts of the results that documents refer to. */
export type FigureResults = Pick<Results, 'sections'>;

/** The stored results. */
export function storedResults(): FigureResults {
  return JSON.parse(readFileSync(join(projectFolder, 'bench/results/results.json'), 'utf8')) as Results;
}

/** What is wrong with each linked figure in `text`; empty if all are in `results`. */
export function wrongFiguresIn(text: string, results: FigureResults): string[] {
  return [...text.matchAll(FIGURE)].flatMap(([, figure = '', , , single, double]) => {
    const place = (single ?? double)?.replace(/\s+/g, ' ');
    if (place === undefined) return `${figure} has no title that says where it is`;
    const found = figuresAt(place, results);
    if (found.includes(figure)) return [];
    return `${figure} is not at "${place}"${found.length > 0 ? `, but ${found.join(' or ')}` : ''}`;
  });
}

/** `text` without its linked figures. */
export function withoutFigures(text: string): string {
  return text.replace(FIGURE, '');
}

/** `text` with the figures of `results` in all links. Throws for a link whose place is not in the results. */
export function withFigures(text: string, results: FigureResults): string {
  return text.replace(FIGURE, (link, figure: string, _, __, single?: string, double?: string) => {
    const place = (single ?? double ?? '').replace(/\s+/g, ' ');
    const [found] = figuresAt(place, results);
    if (found === undefined) throw new Error(`"${place}" is not in the results`);
    return link.replace(`[${figure}]`, `[${found}]`);
  });
}

/** The figures at `part: row: column`. A row may contain colons. */
function figuresAt(place: string, { sections }: FigureResults): string[] {
  const [, part = '', row = '', column = ''] = /^(\w+): (.*): ([^:]*)$/.exec(place) ?? [];
  return (sections[part]?.tables ?? []).flatMap(({ columns, rows }) => {
    const index = columns.findIndex((name) => name.replaceAll('*', '') === column);
    return rows
      .filter((cells) => cells.some((_, end) => cells.slice(0, end + 1).join(', ') === row))
      .flatMap((cells) => cells[index]?.split(' ')[0] ?? []);
  });
}
