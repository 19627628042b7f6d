import { defineConfig } from 'vitest/config';

/** Long enough for a busy machine: a test or a hook that exceeds it hangs. */
const testTimeout = 300_000;

/** One project for each folder of tests, so that each can be run alone: `npx vitest --project http`. */
const projectOf = (name: string, more: { readonly globalSetup?: string } = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    // What a test polls for may take seconds on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    // Fails a test whose logs contain contents, tokens, keys or user ids.
    setupFiles: ['test/support/logs.setup.ts'],
    ...more,
  },
});

export default defineConfig({
  test: {
    projects: [
      projectOf('unit'),
      projectOf('http'),
      projectOf('architecture'),
      projectOf('browser'),
      projectOf('cassandra', { globalSetup: 'test/cassandra/global-setup.ts' }),
    ],
  },
});
