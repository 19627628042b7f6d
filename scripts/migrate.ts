import { readFileSync } from 'node:fs';
import { errors } from 'cassandra-driver';
import { configurationFlaw } from '../src/adapters/cassandra/connect.ts';
import { migrate, MigrationError } from '../src/adapters/cassandra/migrate.ts';
import { ConfigError, readConfig } from '../src/composition/config.ts';
import { withLocalCassandra } from './local-cassandra/running.ts';
import { readMigrations } from './migrations.ts';

/** Brings the keyspace of the environment to the newest version. */
async function main(): Promise<number> {
  try {
    const { cassandra, replicationFactor } = readConfig(
      (await withLocalCassandra(process.env)) ?? process.env,
      (path) => readFileSync(path, 'utf8'),
    );
    try {
      await migrate({
        options: cassandra,
        replicationFactor,
        migrations: readMigrations(),
        report: (sentence) => {
          console.log(sentence);
        },
      });
    } catch (error) {
      const flaw = configurationFlaw(error, cassandra);
      if (flaw === null && !(error instanceof errors.NoHostAvailableError)) throw error;
      console.error(flaw ?? `Cassandra can't be reached at ${cassandra.contactPoints.join(', ')}.`);
      return 1;
    }
    return 0;
  } catch (error) {
    if (!(error instanceof MigrationError || error instanceof ConfigError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main();
