import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../scripts/checks.ts';

/** The limit on what a page loads, in bytes. */
const MAX_COMPRESSED = 10_000;

const bundled = await build({
  entryPoints: ['client/src/index.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  write: false,
  metafile: true,
});

test('the compressed client is smaller than the limit', () => {
  const { length } = gzipSync(bundled.outputFiles[0]!.contents, { level: 9 });
  expect(length).toBeGreaterThan(3_000);
  expect(length).toBeLessThan(MAX_COMPRESSED);
});

test('the client bundle contains only its own sources, and the package has no dependencies', () => {
  const inputs = Object.keys(bundled.metafile.inputs);
  expect(inputs.filter((path) => !path.startsWith('client/src/'))).toEqual([]);
  const { dependencies, version } = packageIn('client/package.json');
  expect(dependencies).toBeUndefined();
  expect(version).toBe(packageIn('package.json').version);
});

test('the built package can be imported, and has types', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-client-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { code, output } = await run('npx', ['tsc', '-p', 'client', '--outDir', folder]);
  expect([code, output]).toEqual([0, '']);
  const exported = (await import(join(folder, 'index.js'))) as object;
  expect(Object.keys(exported).sort()).toEqual([
    'NetworkError',
    'ProblemError',
    'createClient',
    'createStore',
  ]);
  expect(existsSync(join(folder, 'index.d.ts'))).toBe(true);
});

function packageIn(path: string): { readonly dependencies?: object; readonly version: string } {
  return JSON.parse(readFileSync(path, 'utf8')) as { version: string };
}
