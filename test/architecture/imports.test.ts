import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, test } from 'vitest';

const VIOLATIONS: readonly [file: string, text: string][] = [
  ['src/domain/planted.ts', `import { USE_CASES } from '../application/use-cases.ts';`],
  ['src/domain/planted.ts', `import type { UseCases } from '../application/use-cases.ts';`],
  ['src/domain/planted.ts', `export * from '../adapters/system/clock.ts';`],
  ['src/domain/planted.ts', `export { run } from '../main.node.ts';`],
  ['src/domain/planted.ts', `import '../composition/tokens.ts';`],
  ['src/domain/planted.ts', `export const it = await import('../application/use-cases.ts');`],
  ['src/domain/planted.ts', `export type It = import('../application/use-cases.ts').UseCases;`],
  ['src/domain/planted.ts', `import { v7 } from 'uuid';`],
  ['src/domain/planted.ts', `import { readFileSync } from 'node:fs';`],
  ['src/domain/planted.ts', `import { cast } from '../../test/contracts/fixtures.ts';`],
  ['src/application/planted.ts', `import type { App } from '../adapters/http/app.ts';`],
  ['src/application/ports/planted.ts', `import type { Row } from '../../adapters/cassandra/session.ts';`],
  ['src/application/planted.ts', `import { buildContainer } from '../composition/container.ts';`],
  ['src/application/planted.ts', `import { z } from 'zod';`],
  ['src/application/planted.ts', `import { randomUUID } from 'crypto';`],
  ['src/adapters/memory/planted.ts', `import { Notes } from '../cassandra/notes.ts';`],
  ['src/adapters/memory/planted.ts', `import { Notes } from '../../adapters/cassandra/notes.ts';`],
  ['src/adapters/memory/planted.ts', `export const it = await import('../cassandra/notes.ts');`],
  ['src/adapters/memory/planted.ts', `import { setTimeout } from 'node:timers/promises';`],
  ['src/adapters/http/routes/planted.ts', `import { makeClock } from '../../system/clock.ts';`],
  ['src/adapters/http/planted.ts', `import { createServer } from 'http';`],
  ['src/adapters/edge/planted.ts', `import { connect } from 'node:net';`],
  ['src/adapters/http/planted.ts', `import { buildContainer } from '../../composition/container.ts';`],
  ['src/adapters/cassandra/planted.ts', `import { Container } from 'inversify';`],
  ['src/adapters/cassandra/planted.ts', `import { readConfig } from '../../composition/config.ts';`],
  ['src/adapters/system/planted.ts', `import { projectFolder } from '../../../scripts/x.ts';`],
  ['src/main.planted.ts', `import { Container } from 'inversify';`],
  ['client/src/planted.ts', `import type { Message } from '../../src/domain/message.ts';`],
  ['client/src/planted.ts', `import { freshUsers } from '../../test/http/client.ts';`],
  ['client/src/planted.ts', `import { randomUUID } from 'node:crypto';`],
  ['client/src/planted.ts', `import { v7 } from 'uuid';`],
  ['web/src/planted.ts', `import type { Message } from '../../src/domain/message.ts';`],
  ['web/src/planted.ts', `import { follow } from '../../client/src/follow.ts';`],
  ['web/src/components/planted.tsx', `import { z } from 'zod';`],
  [
    'src/composition/planted.ts',
    `import { describeContract } from '../../test/support/describe-contract.ts';`,
  ],
];

const ALLOWED: readonly [file: string, text: string][] = [
  ['src/domain/planted.ts', `import { Refusal } from './refusal.ts';`],
  ['src/application/planted.ts', `import { Refusal } from '../domain/refusal.ts';`],
  ['src/application/ports/planted.ts', `import type { UseCases } from '../use-cases.ts';`],
  ['src/adapters/http/routes/planted.ts', `import { z } from '@hono/zod-openapi';`],
  ['src/adapters/http/routes/planted.ts', `import { Refusal } from '../../../domain/refusal.ts';`],
  ['src/adapters/cassandra/planted.ts', `import { createHash } from 'node:crypto';`],
  ['src/composition/planted.ts', `import { Container } from 'inversify';`],
  ['client/src/planted.ts', `import { ProblemError } from './problems.ts';`],
  ['web/src/components/planted.tsx', `import { useState } from 'preact/hooks';`],
  ['web/src/planted.ts', `import { createStore } from 'cassandra-messenger-client';`],
  ['src/main.planted.ts', `import { makeMemoryStorage } from './adapters/memory/storage.ts';`],
];

/** The lint messages about the imports of a file that does not exist. */
async function lint(file: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${text}\n`, { filePath: file });
  return result!.messages
    .filter(({ ruleId }) => IMPORT_RULES.has(ruleId ?? ''))
    .map(({ message }) => message);
}
const IMPORT_RULES = new Set([
  'no-restricted-imports',
  'no-restricted-syntax',
  '@typescript-eslint/consistent-type-imports',
]);
// Without the rules that need types: these are slow, and a planted file does not exist on disk.
const eslint = new ESLint({ overrideConfig: [tseslint.configs.disableTypeChecked] });

describe('lint reports a violation in', () => {
  test.each(VIOLATIONS)('%s: %s', async (file, text) => {
    expect(await lint(file, text)).not.toEqual([]);
  });
});

describe('lint allows the import in', () => {
  test.each(ALLOWED)('%s: %s', async (file, text) => {
    expect(await lint(file, text)).toEqual([]);
  });
});

describe('lint reports, in the domain and the application,', () => {
  test.each(['Date.now()', 'new Date()', 'Date()', 'Math.random()'])('%s', async (text) => {
    for (const layer of ['domain', 'application']) {
      expect(await lint(`src/${layer}/planted.ts`, `export const it = ${text};`)).not.toEqual([]);
    }
    expect(await lint('src/domain/planted.ts', 'export const it = new Date(0);')).toEqual([]);
  });
});
