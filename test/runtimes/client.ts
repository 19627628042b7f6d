import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { run } from '../../scripts/checks.ts';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';
import type { CheckResult } from '../client/checks.ts';
import type { Runtime } from './runtimes.ts';

/** Bundles the checks of the client for any host, and writes them to `outfile`. */
export async function bundleClientChecks(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(projectFolder, 'test', 'client', 'harness.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
    outfile,
  });
}

/** The checks of the client that fail on `runtime` against the service at `url`. None run on a runtime without scripts. */
export async function clientFailures(url: string, { name, script }: Runtime): Promise<string[]> {
  if (script === null) return [];
  const folder = mkdtempSync(join(tmpdir(), 'messenger-client-'));
  try {
    const file = join(folder, 'harness.mjs');
    await bundleClientChecks(file);
    const { code, output } = await run(script.program, [...script.args, file, url]);
    const line = output.split('\n').find((one) => one.startsWith('['));
    if (code !== 0 || line === undefined) return [`The client on ${name} ended with ${code}\n${output}`];
    const results = JSON.parse(line) as CheckResult[];
    if (results.length === 0) return [`The client on ${name} was not checked`];
    return results.flatMap(({ clause, error }) => (error === null ? [] : [`client: ${clause}\n${error}`]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
