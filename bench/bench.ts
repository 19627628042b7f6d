import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { LocalCassandraError } from '../scripts/local-cassandra/cluster.ts';
import { projectFolder } from '../scripts/local-cassandra/project.ts';
import { againstBaseline } from './against-baseline.ts';
import { againstMemoryBaseline } from './against-memory-baseline.ts';
import { againstNaive } from './against-naive.ts';
import { durability } from './durability.ts';
import { flat } from './flat.ts';
import { hot } from './hot.ts';
import { live } from './live.ts';
import { steady } from './steady.ts';
import { watched } from './watched.ts';
import { pictureOf } from './report/picture.ts';
import { markdownOf, placeOf, type Conditions } from './report/markdown.ts';
import type { Played, Section } from './report/section.ts';
import { build, makeDatabase, makeEnvironment, type BenchEnvironment } from './environment.ts';

/** The parts of the benchmark in order. The long part runs first, because Java takes minutes to warm up. */
export const PARTS: Readonly<Record<string, (environment: BenchEnvironment) => Promise<Section>>> = {
  steady,
  baseline: againstBaseline,
  memory: againstMemoryBaseline,
  naive: againstNaive,
  flat,
  hot,
  watched,
  live,
  durability,
};

/**
 * Parts that run only with `--only`: durability starts its own nodes, which need a warm-up; live needs nats-server.
 */
export const OPTIONAL_PARTS: ReadonlySet<string> = new Set(['durability', 'live']);

/**
 * Runs the parts in `names`, prints the results and writes them to `folder`. The exit code is 0 if the measurement
 * completed; it does not depend on the figures.
 */
export async function bench(deps: {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { names, quick, folder, signal } = deps;
  const startedAt = performance.now();
  const say = (line: string): void => {
    console.error(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}`);
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
      const { environment, lastLogs, rejected, clear } = makeEnvironment({
        quick,
        say,
        signal,
        database: database.open,
      });
      const since = performance.now();
      try {
        const section = await Promise.race([PARTS[name]!(environment), aborted]);
        const seconds = Math.round((performance.now() - since) / 1000);
        sections[name] = { ...withRejected(section, rejected()), seconds };
      } finally {
        await clear();
        if (!(name in sections) && !signal.aborted) console.error(lastLogs().join('\n'));
      }
    }
  } catch (error) {
    failed = !signal.aborted;
    console.error(error instanceof LocalCassandraError || signal.aborted ? (error as Error).message : error);
  }
  if (Object.keys(sections).length > 0) {
    const now = conditionsOf({ quick, cassandra: await database.version() });
    // Partial results of a failed run are kept in another folder than those of complete runs.
    const isWhole = !failed && !signal.aborted;
    const kept = isWhole ? folder : join(folder, 'unfinished');
    const earlier = isWhole ? earlierIn(folder, now) : null;
    const conditions = { ...now, cassandra: now.cassandra ?? earlier?.conditions.cassandra ?? null };
    const all = { ...earlier?.sections, ...sections };
    const inOrder = Object.fromEntries(Object.entries(all).sort(([a], [b]) => orderOf(a) - orderOf(b)));
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
  if (logs !== null) console.error(`Cassandra logs are in ${logs}`);
  return failed || signal.aborted ? 1 : 0;
}

interface Results {
  readonly conditions: Conditions;
  readonly sections: Readonly<Record<string, Played>>;
}

/** Earlier results under the same conditions. They stay when only some parts run again. */
function earlierIn(folder: string, conditions: Conditions): Results | null {
  const file = join(folder, 'results.json');
  if (!existsSync(file)) return null;
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as Results;
  const { date, cassandra } = conditions;
  const same = { ...earlier.conditions, date, ...(cassandra === null && { cassandra }) };
  return JSON.stringify(same) === JSON.stringify(conditions) ? earlier : null;
}

function orderOf(name: string): number {
  return Object.keys(PARTS).indexOf(name);
}

/** Adds a note if rejected requests reduced the number of clients of a part. */
function withRejected(section: Section, rejected: number): Section {
  if (rejected === 0) return section;
  const note = `A server rejected ${rejected} requests (503) and had fewer clients for some time.`;
  return { ...section, about: `${section.about} ${note}` };
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
