import { defineConfig } from 'vitest/config';

/** Long enough for a busy machine: a test that exceeds it hangs. */
const testTimeout = 60_000;

/** Fails a test whose logs contain contents, tokens, keys or user ids. */
const setupFiles = ['test/support/logs.setup.ts'];

/** One project for each folder of tests, so that each can be run alone: `npx vitest --project http`. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout, setupFiles } },
      { test: { name: 'http', include: ['test/http/**/*.test.ts'], testTimeout, setupFiles } },
      {
        test: { name: 'architecture', include: ['test/architecture/**/*.test.ts'], testTimeout, setupFiles },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          setupFiles,
          testTimeout,
          hookTimeout: testTimeout,
          // What a page shows may take seconds on a busy host.
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          name: 'cassandra',
          include: ['test/cassandra/**/*.test.ts'],
          globalSetup: 'test/cassandra/global-setup.ts',
          setupFiles,
          testTimeout,
          hookTimeout: testTimeout,
        },
      },
    ],
  },
});
