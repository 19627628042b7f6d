import type { Client } from 'cassandra-driver';
// The driver has no other way to prepare a statement without executing it. (cassandra-driver 4.10.0)
// @ts-expect-error It has no types.
import PrepareHandler from 'cassandra-driver/lib/prepare-handler.js';

const STATEMENTS = new Set<string>();

/** Declares a statement of the service, which is prepared when storage opens. Gives it back as it is. */
export function prepared(query: string): string {
  STATEMENTS.add(query);
  return query;
}

/** The statements that were declared so far. */
export function declaredStatements(): ReadonlySet<string> {
  return STATEMENTS;
}

/** What prepares a statement, once, on one node: the next one where a node does not answer. */
interface Preparation {
  getPrepared(client: Client, loadBalancing: unknown, query: string, keyspace: string): Promise<unknown>;
}

/**
 * Prepares all declared statements, each on one node that answers, so that no request waits for a node that hangs to
 * prepare one. Other nodes are asked to when they first get the statement. Rejects with the error of the driver where no
 * node prepares one.
 */
export async function prepareStatements(
  client: Client,
  queries: Iterable<string> = STATEMENTS,
): Promise<void> {
  const { options, keyspace } = client as unknown as {
    options: { policies: { loadBalancing: unknown } };
    keyspace: string;
  };
  const preparation = PrepareHandler as Preparation;
  await Promise.all(
    [...queries].map((query) =>
      preparation.getPrepared(client, options.policies.loadBalancing, query, keyspace),
    ),
  );
}
