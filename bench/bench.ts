import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { projectFolder } from '../scripts/local-cassandra/project.ts';
import { makeDatabase, makeEnvironment, type Environment } from './environment.ts';
import { baseline } from './parts/baseline.ts';
import { groups } from './parts/groups.ts';
import { live } from './parts/live.ts';
import { memory } from './parts/memory.ts';
import { naive } from './parts/naive.ts';
import { scale } from './parts/scale.ts';
import { size } from './parts/size.ts';
import { pictureOf } from './picture.ts';
import { build } from './processes.ts';
import {
  conditionsLine,
  markdownOf,
  type Conditions,
  type FinishedSection,
  type Results,
  type Section,
} from './results.ts';

/** The parts of the benchmark in order. */
export const PARTS: Readonly<Record<string, (environment: Environment) => Promise<Section>>> = {
  baseline,
  memory,
  naive,
  size,
  scale,
  groups,
  live,
};

/**
 * Runs the parts in `names`, prints the results and writes them to `folder`. Earlier results of other parts stay if
 * their conditions are the same. Resolves with the exit code: 0 if the measurement completed, whatever the figures.
 */
export async function bench(deps: {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { names, quick, folder, signal } = deps;
  const runStartedAt = performance.now();
  const log = (line: string): void => {
    console.error(`${secondsSince(runStartedAt).toFixed(0).padStart(5)} s  ${line}`);
  };
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
  aborted.catch(() => {});
  const database = makeDatabase({ signal, log });
  const sections: Record<string, FinishedSection> = {};
  try {
    await build();
    for (const name of names) {
      signal.throwIfAborted();
      log(name);
      const { environment, clear } = makeEnvironment({ quick, log, database: database.open });
      const startedAt = performance.now();
      const [loadBefore = 0] = loadavg();
      try {
        const section = await Promise.race([PARTS[name]!(environment), aborted]);
        sections[name] = {
          ...section,
          seconds: Math.round(secondsSince(startedAt)),
          date: new Date().toISOString().slice(0, 10),
          loadBefore,
        };
      } finally {
        await clear();
      }
    }
    const cassandra = (await database.opened())?.version ?? null;
    write(folder, withEarlier(folder, { conditions: conditionsOf({ quick, cassandra }), sections }));
    return 0;
  } catch (error) {
    console.error(signal.aborted ? (error as Error).message : error);
    return 1;
  } finally {
    await database.close();
  }
}

function write(folder: string, results: Results): void {
  const markdown = markdownOf(results);
  console.log(markdown);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.md'), markdown);
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  const charts = Object.values(results.sections).flatMap((section) => section.charts);
  writeFileSync(join(folder, 'results.svg'), pictureOf(charts, conditionsLine(results)));
}

/** `results` with the earlier results of other parts, if they were measured under the same conditions. */
function withEarlier(folder: string, results: Results): Results {
  const file = join(folder, 'results.json');
  if (!existsSync(file)) return results;
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as Results;
  const cassandra = results.conditions.cassandra ?? earlier.conditions.cassandra;
  const conditions = { ...results.conditions, cassandra };
  if (JSON.stringify(earlier.conditions) !== JSON.stringify(conditions)) return results;
  const all = { ...earlier.sections, ...results.sections };
  const inOrder = Object.keys(PARTS).flatMap((name) => (name in all ? [[name, all[name]!] as const] : []));
  return { conditions, sections: Object.fromEntries(inOrder) };
}

function secondsSince(instant: number): number {
  return (performance.now() - instant) / 1000;
}

function conditionsOf(run: { quick: boolean; cassandra: string | null }): Conditions {
  const versionOf = (name: string): string => {
    const manifest = readFileSync(join(projectFolder, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  };
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    cassandra: run.cassandra,
    driver: versionOf('cassandra-driver'),
    hono: versionOf('hono'),
    quick: run.quick,
  };
}
