import { basename, join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

/**
 * Bundles the web client from `root`, the folder of this project: one script, one style sheet, the page and its icon.
 * Resolves with the files by name.
 */
export async function bundleWeb(
  root: string,
  overrides: BuildOptions = {},
): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['main.tsx', '../index.html', '../icon.svg'].map((path) => join(root, 'web/src', path)),
    entryNames: '[name]',
    outdir: join(root, 'dist/web'),
    tsconfig: join(root, 'web/tsconfig.json'),
    bundle: true,
    minify: true,
    format: 'esm',
    // The browsers of the last years: with `color-scheme`, `dialog` and `inset`.
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
    loader: { '.html': 'copy', '.svg': 'copy' },
    logLevel: 'warning',
    ...overrides,
    write: false,
  });
  return new Map(outputFiles.map(({ path, contents }) => [basename(path), new Uint8Array(contents)]));
}
