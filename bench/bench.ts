import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { LocalCassandraError } from '../scripts/local-cassandra/cluster.ts';
import { projectFolder } from '../scripts/local-cassandra/project.ts';
import { againstFloor } from './against-floor.ts';
import { againstMemoryFloor } from './against-memory-floor.ts';
import { againstUsual } from './against-usual.ts';
import { durability } from './durability.ts';
import { flat } from './flat.ts';
import { hot } from './hot.ts';
import { steady } from './steady.ts';
import { watched } from './watched.ts';
import { pictureOf } from './report/picture.ts';
import { markdownOf, placeOf, type Conditions } from './report/markdown.ts';
import type { Played, Section } from './report/section.ts';
import { build, makeDatabase, makeStage, type Stage } from './stage.ts';

/** The parts of the benchmark, in their order: what goes on for long comes first, since Java takes minutes to warm up. */
export const PARTS: Readonly<Record<string, (stage: Stage) => Promise<Section>>> = {
  steady,
  floor: againstFloor,
  memory: againstMemoryFloor,
  usual: againstUsual,
  flat,
  hot,
  watched,
  durability,
};

/** What a run leaves out unless it is asked for: it starts nodes of its own, and these have to be warmed up first. */
export const ASKED_FOR: ReadonlySet<string> = new Set(['durability']);

/**
 * Plays the parts called `names`, prints what they found, and writes it to `folder`. The exit code tells whether it
 * could be measured, and never how fast it was.
 */
export async function bench(deps: {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { names, quick, folder, signal } = deps;
  const begun = performance.now();
  const say = (line: string): void => {
    console.error(`${((performance.now() - begun) / 1000).toFixed(0).padStart(5)} s  ${line}`);
  };
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
  aborted.catch(() => {});
  const database = makeDatabase({ signal, say });
  const sections: Record<string, Played> = {};
  let failed = false;
  try {
    await build();
    for (const name of names) {
      signal.throwIfAborted();
      say(name);
      const { stage, lastWords, turnedAway, clear } = makeStage({
        quick,
        say,
        signal,
        database: database.open,
      });
      const since = performance.now();
      try {
        const section = await Promise.race([PARTS[name]!(stage), aborted]);
        const seconds = Math.round((performance.now() - since) / 1000);
        sections[name] = { ...withTurnedAway(section, turnedAway()), seconds };
      } finally {
        await clear();
        if (!(name in sections) && !signal.aborted) console.error(lastWords().join('\n'));
      }
    }
  } catch (error) {
    failed = !signal.aborted;
    console.error(error instanceof LocalCassandraError || signal.aborted ? (error as Error).message : error);
  }
  if (Object.keys(sections).length > 0) {
    const now = conditionsOf({ quick, cassandra: await database.version() });
    // What was found before a failure is kept, but not where the results of whole runs are.
    const isWhole = !failed && !signal.aborted;
    const kept = isWhole ? folder : join(folder, 'unfinished');
    const earlier = isWhole ? earlierIn(folder, now) : null;
    const conditions = { ...now, cassandra: now.cassandra ?? earlier?.conditions.cassandra ?? null };
    const all = { ...earlier?.sections, ...sections };
    const inOrder = Object.fromEntries(Object.entries(all).sort(([a], [b]) => placeIn(a) - placeIn(b)));
    const markdown = markdownOf(conditions, Object.values(inOrder));
    console.log(markdown);
    mkdirSync(kept, { recursive: true });
    writeFileSync(join(kept, 'results.md'), markdown);
    writeFileSync(
      join(kept, 'results.json'),
      `${JSON.stringify({ conditions, sections: inOrder }, null, 1)}\n`,
    );
    const groups = Object.values(inOrder).flatMap(({ bars }) => bars);
    if (groups.length > 0) {
      writeFileSync(join(kept, 'results.svg'), pictureOf(groups, placeOf(conditions)));
    }
  }
  const logs = await database.close(failed);
  if (logs !== null) console.error(`The logs of Cassandra are in ${logs}`);
  return failed || signal.aborted ? 1 : 0;
}

interface Results {
  readonly conditions: Conditions;
  readonly sections: Readonly<Record<string, Played>>;
}

/** What was found before under the same conditions, which stays where only some parts are played again. */
function earlierIn(folder: string, conditions: Conditions): Results | null {
  const file = join(folder, 'results.json');
  if (!existsSync(file)) return null;
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as Results;
  const { date, cassandra } = conditions;
  const same = { ...earlier.conditions, date, ...(cassandra === null && { cassandra }) };
  return JSON.stringify(same) === JSON.stringify(conditions) ? earlier : null;
}

function placeIn(name: string): number {
  return Object.keys(PARTS).indexOf(name);
}

/** Says so where the figures of a part are of fewer clients than it asked with. */
function withTurnedAway(section: Section, turnedAway: number): Section {
  if (turnedAway === 0) return section;
  const sentence = `A server turned away ${turnedAway} requests (503), and had fewer clients for a while.`;
  return { ...section, about: `${section.about} ${sentence}` };
}

function conditionsOf(deps: { quick: boolean; cassandra: string | null }): Conditions {
  const versionOf = (name: string): string => {
    const manifest = readFileSync(join(projectFolder, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  };
  const [cpu] = cpus();
  return {
    ...deps,
    date: new Date().toISOString().slice(0, 10),
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    driver: versionOf('cassandra-driver'),
    hono: versionOf('hono'),
  };
}
