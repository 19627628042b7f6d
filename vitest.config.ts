import { defineConfig } from 'vitest/config';

/** One project for each folder of tests, so that each can be run alone: `npx vitest --project http`. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { test: { name: 'http', include: ['test/http/**/*.test.ts'] } },
      { test: { name: 'architecture', include: ['test/architecture/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'cassandra',
          include: ['test/cassandra/**/*.test.ts'],
          globalSetup: 'test/cassandra/global-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
