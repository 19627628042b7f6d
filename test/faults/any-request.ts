import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';
import { environmentOf } from './cluster.ts';
import { assertNoInternalDetails } from './leaks.ts';
import { assertConsistent, type Scenario } from './testbed.ts';

const here = join(projectFolder, 'test', 'faults');

/** The Python environment of this project, ignored by git. Safe to delete. */
const venv = join(projectFolder, '.venv-faults');

/** The same seed gives the same requests, as many as fit in the time. */
const SEED = 1;
const SECONDS = 15;

/** Includes the start, the repetition of failures, and the report. */
const MAX_SECONDS = SECONDS + 50;

/** Generated requests, valid and invalid by the OpenAPI document: the responses are as documented. */
export const anyRequest: Scenario = async (testbed) => {
  const schemathesis = await installed();
  const environment = environmentOf(await testbed.threeNodes());
  for (const storage of ['memory', 'cassandra']) {
    const service = testbed.startService({ ...environment, STORAGE: storage });
    await service.logged(/Ready at/);
    const { code, output, responses } = await run(schemathesis, service.url);
    assert.equal(code, 0, output);
    assertNoInternalDetails(responses);
    testbed.report({
      action: `schemathesis, all checks, on ${storage}, for ${SECONDS} s (seed ${SEED})`,
      seen: `${responses.length} responses, no failure, no internal details`,
    });
    if (storage === 'cassandra') await assertConsistent(testbed, [service], environment);
    else assert.equal((await service.terminate()).code, 0);
  }
};

/** The reason why schemathesis is not available on this host; null if it is. */
export async function schemathesisMissing(): Promise<string | null> {
  try {
    await installed();
    return null;
  } catch (error) {
    return `schemathesis can't be installed: it needs python3 (3.10 or newer, with venv) and a package index. ${(error as Error).message}`;
  }
}

/** The path of schemathesis, which is installed if the required version is missing. */
async function installed(): Promise<string> {
  const program = join(venv, 'bin', 'schemathesis');
  const requirements = join(here, 'requirements.txt');
  const mark = join(venv, 'installed.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return program;
  for (const [command, ...args] of [
    ['python3', '-m', 'venv', '--clear', venv],
    [
      join(venv, 'bin', 'pip'),
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--require-hashes',
      '--requirement',
      requirements,
    ],
  ] as const) {
    const { code, output } = await outcome(command, args);
    if (code !== 0) throw new Error(output.trim().split('\n').at(-1));
  }
  writeFileSync(mark, wanted);
  return program;
}

/** Runs schemathesis against the service at `url`; `responses` has the headers and body of each response. */
async function run(
  program: string,
  url: string,
): Promise<{ code: number | null; output: string; responses: readonly string[] }> {
  const folder = mkdtempSync(join(venv, 'report-'));
  const report = join(folder, 'report.har');
  try {
    const args = [
      ...['--config-file', join(here, 'schemathesis.toml'), 'run', `${url}/openapi.json`],
      ...['--checks', 'all', '--seed', String(SEED), '--max-time', String(SECONDS), '--continue-on-failure'],
      // Its health checks report a slow host.
      ...['--suppress-health-check', 'all', '--generation-database', 'none', '--no-color'],
      ...['--report', 'har', '--report-har-path', report],
    ];
    // It writes files into its working directory.
    const ended = await outcome(program, args, folder);
    const { log } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    return { ...ended, responses: log.entries.map(({ response }) => textOf(response)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The used part of an HTTP archive. */
interface Report {
  readonly log: { readonly entries: readonly { readonly response: Response }[] };
}

interface Response {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly content: { readonly text?: string; readonly encoding?: string };
}

function textOf({ headers, content }: Response): string {
  const lines = headers.map(({ name, value }) => `${name}: ${value}\n`);
  const { text = '', encoding } = content;
  return lines.join('') + (encoding === 'base64' ? Buffer.from(text, 'base64').toString('utf8') : text);
}

/** Runs a program. Resolves with its exit code and output. */
async function outcome(
  command: string,
  args: readonly string[],
  cwd = projectFolder,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PYTHONPATH: here,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MAX_SECONDS * 1_000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, output };
}
