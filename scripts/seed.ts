import { readFileSync } from 'node:fs';
import { openCassandraStorage } from '../src/adapters/cassandra/storage.ts';
import { makeMemoryStorage } from '../src/adapters/memory/storage.ts';
import { makeClock } from '../src/adapters/system/clock.ts';
import { makeMessageIds } from '../src/adapters/system/message-ids.ts';
import { StorageFailure } from '../src/application/ports/storage-failure.ts';
import { ConfigError, readConfig, type Config } from '../src/composition/config.ts';
import { memoryOptionsOf } from '../src/composition/memory-options.ts';
import { withLocalCassandra } from './local-cassandra/running.ts';
import { HELP, parametersFrom, UsageError } from './seed/arguments.ts';
import { withRetry } from './seed/with-retry.ts';
import { messagesIn, writeData } from './seed/write-data.ts';
import { examplesAt, makeProgress, optionsOf, summaryOf } from './seed/report.ts';
import type { Parameters } from './seed/conversations.ts';

const clock = makeClock();
const messageIds = makeMessageIds({ clock });

/** Prints each warning of storage once, because many messages and retries may cause the same one. */
const printed = new Set<string>();
function printOnce(_: object, message: string): void {
  if (!printed.has(message)) console.error(message);
  printed.add(message);
}
const log = { info: () => undefined, warn: printOnce, error: printOnce };

/** Writes test data to the storage of the environment, and prints example requests. */
async function main(): Promise<number> {
  try {
    const parameters = parametersFrom(process.argv.slice(2), clock.now());
    if (parameters === 'help') {
      console.log(HELP);
      return 0;
    }
    const env = await withLocalCassandra(process.env);
    if (env === null) {
      console.error(
        'STORAGE is not set, and no local Cassandra is running: set STORAGE=cassandra and CASSANDRA_CONTACT_POINTS, or ' +
          'start one with "npm run start:cassandra". With STORAGE=memory, the data are lost when this process ends.',
      );
      return 1;
    }
    return await seed(
      parameters,
      readConfig(env, (path) => readFileSync(path, 'utf8')),
    );
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}. See --help.`);
      return 2;
    }
    if (error instanceof ConfigError) {
      console.error(error.message);
      return 1;
    }
    throw error;
  }
}

async function seed(parameters: Parameters, config: Config): Promise<number> {
  const storage =
    config.storage === 'cassandra'
      ? openCassandraStorage({ options: config.cassandra, clock, messageIds, log })
      : {
          ...makeMemoryStorage({ clock, messageIds, ...memoryOptionsOf(config) }),
          started: Promise.resolve(),
        };
  try {
    const error = await startError(storage.started);
    if (error !== null) {
      console.error(error);
      return 1;
    }
    const startedAt = performance.now();
    const progress = makeProgress(messagesIn(parameters), process.stderr);
    const sent = (): void => progress.advance();
    await writeData({ storage: withRetry(storage), parameters, sent }).finally(() => progress.end());
    const seconds = (performance.now() - startedAt) / 1000;
    const next =
      config.storage === 'cassandra'
        ? `To repeat it: ${optionsOf(parameters)}\n\n${examplesAt(`http://localhost:${config.port}`, parameters)}`
        : 'The data are lost now, because STORAGE is memory. To keep them, set STORAGE=cassandra.';
    console.log(`${summaryOf(parameters, seconds)}\n${next}`);
    return 0;
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
    const cause = error.cause instanceof Error ? ` (${error.cause.message.split('\n')[0]})` : '';
    console.error(
      `Stopped early: ${error.message}${cause}. To complete it: npm run seed -- ${optionsOf(parameters)}`,
    );
    return 1;
  } finally {
    await storage.close();
  }
}

/** The error that prevents the use of storage, as a sentence for people; null if there is none. Waits until this is known. */
async function startError(started: Promise<void>): Promise<string | null> {
  try {
    await started;
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

process.exitCode = await main();
