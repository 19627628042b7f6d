import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { LocalCassandraError } from '../scripts/local-cassandra/cluster.ts';
import { projectFolder } from '../scripts/local-cassandra/project-folder.ts';
import { againstFloor } from './against-floor.ts';
import { againstMemoryFloor } from './against-memory-floor.ts';
import { againstUsual } from './against-usual.ts';
import { flat } from './flat.ts';
import { hot } from './hot.ts';
import { steady } from './steady.ts';
import { watched } from './watched.ts';
import { pictureOf } from './report/picture.ts';
import { markdownOf, placeOf, type Conditions } from './report/markdown.ts';
import type { Section } from './report/section.ts';
import { build, makeDatabase, makeStage, type Stage } from './stage.ts';

/** The parts of the benchmark, in their order. */
export const PARTS: Readonly<Record<string, (stage: Stage) => Promise<Section>>> = {
  floor: againstFloor,
  memory: againstMemoryFloor,
  usual: againstUsual,
  flat,
  steady,
  hot,
  watched,
};

/**
 * Plays the parts called `names`, prints what they found, and writes it to `folder`. The exit code tells whether it
 * could be measured, and never how fast it was.
 */
export async function bench(needs: {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { names, quick, folder, signal } = needs;
  const begun = performance.now();
  const say = (line: string): void => {
    console.error(`${((performance.now() - begun) / 1000).toFixed(0).padStart(5)} s  ${line}`);
  };
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
  aborted.catch(() => {});
  const database = makeDatabase({ signal, say });
  const sections: Record<string, Section> = {};
  let failed = false;
  try {
    await build();
    for (const name of names) {
      signal.throwIfAborted();
      say(name);
      const { stage, lastWords, clear } = makeStage({ quick, say, database: database.open });
      try {
        sections[name] = await Promise.race([PARTS[name]!(stage), aborted]);
      } finally {
        await clear();
        if (!(name in sections) && !signal.aborted) console.error(lastWords().join('\n'));
      }
    }
    const cassandra = await database.version();
    const conditions = conditionsOf({ quick, cassandra, seconds: (performance.now() - begun) / 1000 });
    const found = Object.values(sections);
    const markdown = markdownOf(conditions, found);
    console.log(markdown);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'results.md'), markdown);
    writeFileSync(join(folder, 'results.json'), `${JSON.stringify({ conditions, sections }, null, 1)}\n`);
    const groups = found.flatMap(({ bars }) => bars);
    if (groups.length > 0) {
      writeFileSync(join(folder, 'results.svg'), pictureOf(groups, placeOf(conditions)));
    }
    return 0;
  } catch (error) {
    failed = !signal.aborted;
    console.error(error instanceof LocalCassandraError || signal.aborted ? (error as Error).message : error);
    return 1;
  } finally {
    const kept = await database.close(failed);
    if (kept !== null) console.error(`The logs of Cassandra are in ${kept}`);
  }
}

function conditionsOf(needs: { quick: boolean; cassandra: string | null; seconds: number }): Conditions {
  const versionOf = (name: string): string => {
    const manifest = readFileSync(join(projectFolder, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  };
  const [cpu] = cpus();
  return {
    ...needs,
    date: new Date().toISOString().slice(0, 10),
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    driver: versionOf('cassandra-driver'),
    hono: versionOf('hono'),
  };
}
