import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { errors } from 'cassandra-driver';
import { configError } from '../src/adapters/cassandra/connect.ts';
import { declareEventLogIncomplete, migrate, MigrationError } from '../src/adapters/cassandra/migrate.ts';
import { ConfigError, readConfig } from '../src/composition/config.ts';
import { withLocalCassandra } from './local-cassandra/running.ts';
import { readMigrations } from './migrations.ts';

const help = `npm run migrate [-- options]

Creates the keyspace if it does not exist, and migrates its schema to the newest version. Safe to repeat and to run
concurrently. The settings of Cassandra are environment variables, as for the service.

  --replication-factor N   replicas of each row in CASSANDRA_LOCAL_DATACENTER if the keyspace is created (default:
                           CASSANDRA_REPLICATION_FACTOR). Required, except on a single local node, where it is 1
  --event-log-incomplete   then declare the event log incomplete before now. Use it after a restore or a truncation, if
                           the event log may lack events of existing messages: inbox pages are then read from the inbox
                           rows, and clients that follow their events have to list their conversations again. Processes
                           of the service read this within half a minute
  --help                   print this text
`;

class UsageError extends Error {}

interface Options {
  readonly replicationFactor: number | null;
  readonly eventLogIncomplete: boolean;
}

function readOptions(): Options | 'help' {
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    'replication-factor': { type: 'string' },
    'event-log-incomplete': flag,
    help: flag,
  } as const;
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\. |\n/)[0]);
  }
  if (values.help) return 'help';
  const factor = values['replication-factor'];
  if (factor !== undefined && !/^([1-9]\d?|100)$/.test(factor)) {
    throw new UsageError('--replication-factor takes a whole number from 1 to 100');
  }
  return {
    replicationFactor: factor === undefined ? null : Number(factor),
    eventLogIncomplete: values['event-log-incomplete'],
  };
}

/** Migrates the keyspace of the environment to the newest version. */
async function main(): Promise<number> {
  try {
    const options = readOptions();
    if (options === 'help') {
      console.log(help);
      return 0;
    }
    const { cassandra, replicationFactor } = readConfig(
      (await withLocalCassandra(process.env)) ?? process.env,
      (path) => readFileSync(path, 'utf8'),
    );
    try {
      await migrate({
        options: cassandra,
        replicationFactor: options.replicationFactor ?? replicationFactor,
        migrations: readMigrations(),
        report: (message) => {
          console.log(message);
        },
      });
      if (options.eventLogIncomplete) {
        const since = await declareEventLogIncomplete(cassandra);
        console.log(
          `The event log is declared complete since ${since.toISOString()}. Processes of the service read it within half a minute.`,
        );
      }
    } catch (error) {
      const message = configError(error, cassandra);
      if (message === null && !(error instanceof errors.NoHostAvailableError)) throw error;
      console.error(message ?? `Cassandra is not reachable at ${cassandra.contactPoints.join(', ')}.`);
      return 1;
    }
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}. See --help.`);
      return 2;
    }
    if (!(error instanceof MigrationError || error instanceof ConfigError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main();
