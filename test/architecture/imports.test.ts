import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, test } from 'vitest';

const VIOLATIONS: readonly [file: string, text: string][] = [
  ['src/domain/violation.ts', `import { USE_CASES } from '../application/use-cases.ts';`],
  ['src/domain/violation.ts', `import type { UseCases } from '../application/use-cases.ts';`],
  ['src/domain/violation.ts', `export * from '../adapters/system/clock.ts';`],
  ['src/domain/violation.ts', `export { run } from '../main.node.ts';`],
  ['src/domain/violation.ts', `import '../composition/tokens.ts';`],
  ['src/domain/violation.ts', `export const it = await import('../application/use-cases.ts');`],
  ['src/domain/violation.ts', `export type It = import('../application/use-cases.ts').UseCases;`],
  ['src/domain/violation.ts', `import { v7 } from 'uuid';`],
  ['src/domain/violation.ts', `import { readFileSync } from 'node:fs';`],
  ['src/domain/violation.ts', `import { cast } from '../../test/contracts/fixtures.ts';`],
  ['src/application/violation.ts', `import type { App } from '../adapters/http/app.ts';`],
  ['src/application/ports/violation.ts', `import type { Row } from '../../adapters/cassandra/session.ts';`],
  ['src/application/violation.ts', `import { buildContainer } from '../composition/container.ts';`],
  ['src/application/violation.ts', `import { z } from 'zod';`],
  ['src/application/violation.ts', `import { randomUUID } from 'crypto';`],
  ['src/adapters/memory/violation.ts', `import { makeSession } from '../cassandra/session.ts';`],
  ['src/adapters/memory/violation.ts', `import { makeSession } from '../../adapters/cassandra/session.ts';`],
  ['src/adapters/memory/violation.ts', `export const it = await import('../cassandra/session.ts');`],
  ['src/adapters/memory/violation.ts', `import { setTimeout } from 'node:timers/promises';`],
  ['src/adapters/http/routes/violation.ts', `import { makeClock } from '../../system/clock.ts';`],
  ['src/adapters/http/violation.ts', `import { createServer } from 'http';`],
  ['src/adapters/edge/violation.ts', `import { connect } from 'node:net';`],
  ['src/adapters/http/violation.ts', `import { buildContainer } from '../../composition/container.ts';`],
  ['src/adapters/cassandra/violation.ts', `import { Container } from 'inversify';`],
  ['src/adapters/cassandra/violation.ts', `import { readConfig } from '../../composition/config.ts';`],
  ['src/adapters/system/violation.ts', `import { projectFolder } from '../../../scripts/x.ts';`],
  ['src/main.violation.ts', `import { Container } from 'inversify';`],
  ['client/src/violation.ts', `import type { Message } from '../../src/domain/message.ts';`],
  ['client/src/violation.ts', `import { freshUsers } from '../../test/http/client.ts';`],
  ['client/src/violation.ts', `import { randomUUID } from 'node:crypto';`],
  ['client/src/violation.ts', `import { v7 } from 'uuid';`],
  ['web/src/violation.ts', `import type { Message } from '../../src/domain/message.ts';`],
  ['web/src/violation.ts', `import { follow } from '../../client/src/follow.ts';`],
  ['web/src/components/violation.tsx', `import { z } from 'zod';`],
  [
    'src/composition/violation.ts',
    `import { describeContract } from '../../test/support/describe-contract.ts';`,
  ],
];

const ALLOWED: readonly [file: string, text: string][] = [
  ['src/domain/violation.ts', `import { Refusal } from './refusal.ts';`],
  ['src/application/violation.ts', `import { Refusal } from '../domain/refusal.ts';`],
  ['src/application/ports/violation.ts', `import type { UseCases } from '../use-cases.ts';`],
  ['src/adapters/http/routes/violation.ts', `import { z } from '@hono/zod-openapi';`],
  ['src/adapters/http/routes/violation.ts', `import { Refusal } from '../../../domain/refusal.ts';`],
  ['src/adapters/cassandra/violation.ts', `import { createHash } from 'node:crypto';`],
  ['src/composition/violation.ts', `import { Container } from 'inversify';`],
  ['client/src/violation.ts', `import { ProblemError } from './problems.ts';`],
  ['web/src/components/violation.tsx', `import { useState } from 'preact/hooks';`],
  ['web/src/violation.ts', `import { createStore } from 'cassandra-messenger-client';`],
  ['src/main.violation.ts', `import { makeMemoryStorage } from './adapters/memory/storage.ts';`],
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
// Without the rules that need types: these are slow, and an injected file does not exist on disk.
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
      expect(await lint(`src/${layer}/violation.ts`, `export const it = ${text};`)).not.toEqual([]);
    }
    expect(await lint('src/domain/violation.ts', 'export const it = new Date(0);')).toEqual([]);
  });
});
