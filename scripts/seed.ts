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
import { patient } from './seed/patience.ts';
import { messagesIn, play } from './seed/play.ts';
import { examplesAt, makeProgress, optionsOf, summaryOf } from './seed/report.ts';
import type { Parameters } from './seed/talks.ts';

const clock = makeClock();
const messageIds = makeMessageIds({ clock });

/** What storage says on the way, each sentence once: it may concern many messages, or be repeated in waiting. */
const told = new Set<string>();
function tell(_: object, sentence: string): void {
  if (!told.has(sentence)) console.error(sentence);
  told.add(sentence);
}
const log = { info: () => undefined, warn: tell, error: tell };

/** Fills the storage of the environment with test data, and says where to look at them. */
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
        'STORAGE is not set, and no local Cassandra runs: set STORAGE=cassandra and CASSANDRA_CONTACT_POINTS, or start ' +
          'one by "npm run start:cassandra". STORAGE=memory tries the seed out, and keeps nothing.',
      );
      return 1;
    }
    return await seed(
      parameters,
      readConfig(env, (path) => readFileSync(path, 'utf8')),
    );
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message} (--help tells more).`);
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
    const flaw = await flawOf(storage.started);
    if (flaw !== null) {
      console.error(flaw);
      return 1;
    }
    const begun = performance.now();
    const progress = makeProgress(messagesIn(parameters), process.stderr);
    const sent = (): void => progress.advance();
    await play({ storage: patient(storage), parameters, sent }).finally(() => progress.end());
    const seconds = (performance.now() - begun) / 1000;
    const next =
      config.storage === 'cassandra'
        ? `The same again: ${optionsOf(parameters)}\n\n${examplesAt(`http://localhost:${config.port}`, parameters)}`
        : 'Nothing of it is kept: STORAGE is memory, which ends with this process. STORAGE=cassandra keeps it.';
    console.log(`${summaryOf(parameters, seconds)}\n${next}`);
    return 0;
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
    const cause = error.cause instanceof Error ? ` (${error.cause.message.split('\n')[0]})` : '';
    console.error(
      `Ended early: ${error.message}${cause}. To complete it: npm run seed -- ${optionsOf(parameters)}`,
    );
    return 1;
  } finally {
    await storage.close();
  }
}

/** What people must change before storage can be used, once that is known; null where it can be. */
async function flawOf(started: Promise<void>): Promise<string | null> {
  try {
    await started;
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

process.exitCode = await main();
