import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromiumMissing } from '../test/browser/chromium.ts';
import { failureText, run } from './checks.ts';
import { localCassandraMissing } from './local-cassandra/cluster.ts';
import { RESULTS_FILE, type TestResults } from './vitest-results.ts';

/**
 * `npm test`: runs all parts and prints their results and failures. A part that cannot run on this host is reported as left
 * out, which is a failure if CI=true. `--only NAME` (repeatable) runs only this part.
 */

/** The result of a part. */
interface Outcome extends TestResults {
  /** The reason if it did not run. */
  readonly leftOut?: string;
  /** Whether a first run hung. */
  readonly isSecondRun?: boolean;
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

/** A command counts as one test. */
async function command(program: string, ...args: readonly string[]): Promise<Outcome> {
  // The variables turn off the telemetry and the update check of Redocly.
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { code, output } = await run(program, args, { env });
  process.stdout.write(output);
  if (code === 0) return { passed: 1, skipped: 0, failures: [] };
  const failure = { name: [program, ...args].join(' '), error: output.split('\n').slice(0, 8).join('\n') };
  return { passed: 0, skipped: 0, failures: [failure] };
}

/** The time limit of one run of vitest: several times the time of the slowest part on two cores. */
const VITEST_TIMEOUT_MS = 20 * 60_000;

async function vitest(project: string): Promise<Outcome> {
  const file = join(results, `${project}.json`);
  let end = await runVitest(project, file);
  const isSecondRun = end === 'timeout' && !existsSync(file);
  if (isSecondRun) {
    // Vitest 4.1 hung once, between two files: a worker waited for its modules, and nothing was busy.
    console.log(`\n── ${project} again: vitest had no results after ${VITEST_TIMEOUT_MS / 60_000} minutes`);
    end = await runVitest(project, file);
  }
  const outcome = { ...resultsIn(file), isSecondRun };
  // A run can also fail without a failure in its results: in its setup, or if there are no tests.
  if (end === 0 || outcome.failures.length > 0) return outcome;
  const failure = { name: `vitest run --project ${project}`, error: `It ended with ${end}.` };
  return { ...outcome, failures: [failure] };
}

/** Resolves with the exit code, with `timeout` after the time limit, or with null if another signal ended it. */
async function runVitest(project: string, file: string): Promise<number | 'timeout' | null> {
  const reporters = ['--reporter=default', '--reporter=./scripts/vitest-results.ts'];
  // Not by npx, which does not pass the signal on.
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [RESULTS_FILE]: file },
    timeout: VITEST_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return child.killed ? 'timeout' : code;
}

function resultsIn(file: string): TestResults {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TestResults;
  } catch {
    // Vitest ended before it wrote results.
    return { passed: 0, skipped: 0, failures: [] };
  }
}

function leftOut(reason: string): Outcome {
  const failures = process.env['CI'] === 'true' ? [{ name: 'left out', error: reason }] : [];
  return { passed: 0, skipped: 0, failures, leftOut: reason };
}

function rowOf(
  name: string,
  { passed, skipped, failures, leftOut: reason, isSecondRun = false }: Outcome,
  seconds: number,
): string {
  const state = reason !== undefined ? 'LEFT OUT' : failures.length > 0 ? 'FAILED' : 'passed';
  const counts = `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} SKIPPED` : ''}${isSecondRun ? ', SECOND RUN' : ''}`;
  return `  ${name.padEnd(14)}${state.padEnd(10)}${seconds.toFixed(1).padStart(6)} s   ${reason ?? counts}`;
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
const unknown = values.only?.find((name) => !(name in parts));
if (unknown !== undefined)
  throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}, not ${unknown}`);

const rows: string[] = [];
const failures: string[] = [];
let passed = 0;
for (const [name, part] of Object.entries(parts)) {
  if (values.only?.includes(name) === false) continue;
  console.log(`\n── ${name} (Node ${process.versions.node})`);
  const startedAt = performance.now();
  const outcome = await part();
  passed += outcome.passed;
  for (const failure of outcome.failures)
    failures.push(failureText(`${name}: ${failure.name}`, failure.error));
  if (outcome.leftOut !== undefined) console.log(`LEFT OUT: ${outcome.leftOut}`);
  rows.push(rowOf(name, outcome, (performance.now() - startedAt) / 1000));
}
rmSync(results, { recursive: true });
console.log(['', ...rows, '', ...failures].join('\n'));
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
