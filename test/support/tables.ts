import { readMigrations } from '../../scripts/migrations.ts';
import { statementsOf } from '../../src/adapters/cassandra/migrate.ts';

/** A table that the files in `cql/` create. */
export interface Table {
  readonly name: string;
  /** The question that the table answers: the first line of its file. */
  readonly question: string;
  /** The text of its file. */
  readonly text: string;
  /** Without spaces or parentheses, such as `['conversation_id', 'bucket']`. */
  readonly partitionKey: readonly string[];
  readonly clusteringColumns: readonly string[];
}

/** The tables of the stored shape, in order of their files. */
export function tables(): Table[] {
  return readMigrations().flatMap(({ text }) =>
    statementsOf(text).flatMap((statement) => {
      const [, name] = /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement) ?? [];
      if (name === undefined) return [];
      const [, question] = /^-- (.*)/.exec(text) ?? [];
      if (question === undefined) throw new Error(`the file of ${name} does not open with its question`);
      return [{ name, question, text, ...primaryKeyOf(statement) }];
    }),
  );
}

/** The primary key in the usual notation, such as `((conversation_id, bucket), message_id)`. */
export function primaryKeyText({ partitionKey, clusteringColumns }: Table): string {
  const [first = '', ...more] = partitionKey;
  const partition = more.length === 0 ? first : `(${partitionKey.join(', ')})`;
  return `(${[partition, ...clusteringColumns].join(', ')})`;
}

function primaryKeyOf(statement: string): Pick<Table, 'partitionKey' | 'clusteringColumns'> {
  const [, single] = /(\w+) \w+ PRIMARY KEY/.exec(statement) ?? [];
  if (single !== undefined) return { partitionKey: [single], clusteringColumns: [] };
  const [, partition, first, rest = ''] =
    /PRIMARY KEY \((?:\(([\w, ]+)\)|(\w+))([\w, ]*)\)/.exec(statement) ?? [];
  const key = partition ?? first;
  if (key === undefined) throw new Error(`a table without a primary key: ${statement}`);
  return { partitionKey: namesIn(key), clusteringColumns: namesIn(rest) };
}

function namesIn(list: string): string[] {
  return list.match(/\w+/g) ?? [];
}
