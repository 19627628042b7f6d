import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, type Run } from '../checks.ts';
import { projectFolder } from '../local-cassandra/project.ts';

const folder = join(projectFolder, 'node_modules', '.cache', 'deploy-check');
const pythonFolder = join(folder, 'python');
const goFolder = join(folder, 'go');
const installedVersionsFile = join(folder, 'installed');

/** A PATH on which these tools come first. */
export const toolPath = [join(pythonFolder, 'bin'), goFolder, process.env['PATH']].join(delimiter);

/** Why the tools can't be installed on this host, as a sentence for the user; null if they can be or already are. */
export async function toolsMissing(): Promise<string | null> {
  if (isInstalled()) return null;
  const venv = await run('python3', ['-c', 'import ensurepip, venv']);
  if (venv.code !== 0) return 'The checks need Python 3 with the module venv: install python3-venv.';
  const go = await run('go', ['version']);
  if (go.code !== 0) return 'The checks need Go (1.26 or newer) to build their tools.';
  return null;
}

/** Installs the tools if they are missing, at the versions in the two lists in this folder. */
export async function installTools(): Promise<void> {
  if (isInstalled()) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const tools = list('go-tools.txt').split('\n').filter(Boolean);
  expectSuccess(await run('python3', ['-m', 'venv', pythonFolder]));
  const requirements = join(import.meta.dirname, 'requirements.txt');
  expectSuccess(
    await run(join(pythonFolder, 'bin', 'pip'), [
      ...['install', '--quiet', '--require-hashes', '--requirement', requirements],
    ]),
  );
  for (const tool of tools) {
    expectSuccess(await run('go', ['install', tool], { env: { ...process.env, GOBIN: goFolder } }));
  }
  writeFileSync(installedVersionsFile, versions());
}

function isInstalled(): boolean {
  try {
    return readFileSync(installedVersionsFile, 'utf8') === versions();
  } catch {
    return false;
  }
}

function versions(): string {
  return list('requirements.txt') + list('go-tools.txt');
}

function list(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}

function expectSuccess({ code, output }: Run): void {
  if (code !== 0) throw new Error(`A tool could not be installed:\n${output}`);
}
