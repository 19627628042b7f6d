import { posix } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/** Host APIs that the core must not use. */
const HOST = [
  'process.pid',
  'globalThis.process',
  'setTimeout(() => undefined, 1)',
  'queueMicrotask(() => undefined)',
  'console.log(1)',
  'performance.now()',
  'crypto.randomUUID()',
  'fetch("http://localhost")',
  'Buffer.from("")',
  'new TextEncoder()',
  'new URL("http://localhost")',
  'structuredClone(1)',
  'document.title',
  '__dirname',
];

const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile('tsconfig.core.json', (path) => ts.sys.readFile(path)).config,
  ts.sys,
  process.cwd(),
);
const violations = new Map(
  HOST.map((text, index) => [
    posix.resolve(`src/domain/violation-${index}.ts`),
    `export const it = ${text};\n`,
  ]),
);
const host = ts.createCompilerHost(options);
const onDisk = { ...host };
host.fileExists = (path) => violations.has(path) || onDisk.fileExists(path);
host.getSourceFile = (path, ...more) => {
  const text = violations.get(path);
  return text === undefined
    ? onDisk.getSourceFile(path, ...more)
    : ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
};
const program = ts.createProgram([...fileNames, ...violations.keys()], options, host);

function errorsIn(path: string): string[] {
  return program
    .getSemanticDiagnostics(program.getSourceFile(path))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

test('the core compiles without host APIs', () => {
  expect(fileNames.length).toBeGreaterThan(10);
  expect(fileNames.flatMap(errorsIn)).toEqual([]);
});

test.each([...violations].map(([path, text]) => ({ path, text: text.trim() })))(
  'the core cannot contain “$text”',
  ({ path }) => {
    expect(errorsIn(path)).toEqual([
      expect.stringMatching(/Cannot find name|no index signature|does not exist/),
    ]);
  },
);
