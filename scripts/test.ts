import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromiumMissing } from '../test/browser/chromium.ts';
import { localCassandraMissing } from './local-cassandra/cluster.ts';

/**
 * `npm test`: runs all parts and prints their results. A part that cannot run on this host is reported as left out, which is
 * a failure if CI=true. `--only NAME` (repeatable) runs only this part.
 */

/** The result of a part. */
interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped?: number;
  /** The reason if it did not run. */
  readonly leftOut?: string;
}

const results = mkdtempSync(join(tmpdir(), 'messenger-test-'));

const parts: Readonly<Record<string, () => Promise<Outcome>>> = {
  types: () => command('npm', 'run', '--silent', 'typecheck'),
  lint: () => command('npm', 'run', '--silent', 'lint'),
  openapi: () => command('npm', 'run', '--silent', 'openapi:check'),
  unit: () => vitest('unit'),
  http: () => vitest('http'),
  architecture: () => vitest('architecture'),
  browser: () => {
    const missing = chromiumMissing();
    return missing === null ? vitest('browser') : Promise.resolve(leftOut(missing));
  },
  cassandra: async () => {
    const missing = process.env['CASSANDRA_CONTACT_POINTS'] ? null : await localCassandraMissing();
    return missing === null ? vitest('cassandra') : leftOut(missing);
  },
};

async function run(program: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    // Turns off the telemetry and the update check of Redocly.
    env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

/** A command counts as one test. */
async function command(program: string, ...args: readonly string[]): Promise<Outcome> {
  return (await run(program, args)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function vitest(project: string): Promise<Outcome> {
  const file = join(results, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await run('npx', ['vitest', 'run', '--project', project, ...reporters]);
  const { passed, failed, skipped } = resultsIn(file);
  // A run can also fail without a failed test: in its setup, by an error outside of tests, or if there are no tests.
  return { passed, failed: code === 0 ? failed : Math.max(failed, 1), skipped };
}

function resultsIn(file: string): { passed: number; failed: number; skipped: number } {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numTodoTests: number;
      testResults: { status: string; assertionResults: unknown[] }[];
    };
    const broken = report.testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    );
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken.length,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    // Vitest ended before it wrote results.
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function leftOut(reason: string): Outcome {
  return { passed: 0, failed: process.env['CI'] === 'true' ? 1 : 0, leftOut: reason };
}

function rowOf(
  name: string,
  { passed, failed, skipped = 0, leftOut: reason }: Outcome,
  seconds: number,
): string {
  const state = reason !== undefined ? 'LEFT OUT' : failed > 0 ? 'FAILED' : 'passed';
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} SKIPPED` : ''}`;
  return `  ${name.padEnd(14)}${state.padEnd(10)}${seconds.toFixed(1).padStart(6)} s   ${reason ?? counts}`;
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
const unknown = values.only?.find((name) => !(name in parts));
if (unknown !== undefined)
  throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}, not ${unknown}`);

const rows: string[] = [];
let passed = 0;
let failed = 0;
for (const [name, part] of Object.entries(parts)) {
  if (values.only?.includes(name) === false) continue;
  console.log(`\n── ${name} (Node ${process.versions.node})`);
  const startedAt = performance.now();
  const outcome = await part();
  passed += outcome.passed;
  failed += outcome.failed;
  if (outcome.leftOut !== undefined) console.log(`LEFT OUT: ${outcome.leftOut}`);
  rows.push(rowOf(name, outcome, (performance.now() - startedAt) / 1000));
}
rmSync(results, { recursive: true });
console.log(`\n${rows.join('\n')}\n\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
