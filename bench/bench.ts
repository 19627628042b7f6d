import { execFileSync } from 'node:child_process';
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
  mergedResults,
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
 * Runs the parts in `names`, writes the results of each to `folder`, and prints them. Earlier results of other parts stay
 * if their conditions are the same. Resolves with the exit code: 0 if the measurement completed, whatever the figures.
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
  const [loadAtStart = 0] = loadavg();
  if (loadAtStart > 1)
    log(`the load average is ${loadAtStart.toFixed(1)}: other programs will disturb the measurement`);
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
          commit: commitOf(),
          loadBefore,
        };
      } finally {
        await clear();
      }
      // After each part: if a later one fails, the figures stay.
      const cassandra = (await database.opened())?.version ?? null;
      write(folder, { conditions: conditionsOf({ quick, cassandra }), sections }, log);
    }
    console.log(readFileSync(join(folder, 'results.md'), 'utf8'));
    return 0;
  } catch (error) {
    console.error(signal.aborted ? (error as Error).message : error);
    return 1;
  } finally {
    await database.close();
  }
}

/** Writes `measured`, with the stored results of other parts if they were measured under the same conditions. */
function write(folder: string, measured: Results, log: (line: string) => void): void {
  const file = join(folder, 'results.json');
  const stored = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : null;
  const merged = stored === null ? measured : mergedResults(stored, measured, Object.keys(PARTS));
  if (merged === null) log(`the results in ${folder} have other conditions, and are replaced`);
  const results = merged ?? measured;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.md'), markdownOf(results));
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  const charts = Object.values(results.sections).flatMap((section) => section.charts);
  writeFileSync(join(folder, 'results.svg'), pictureOf(charts, conditionsLine(results)));
}

/** The commit of the measured code, with `+` if files differ from it; null without git. */
function commitOf(): string | null {
  const git = (...args: string[]): string => {
    const options = { cwd: projectFolder, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('git', args, options).trim();
  };
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'bench', ':!bench/results');
    return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`;
  } catch {
    return null;
  }
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
