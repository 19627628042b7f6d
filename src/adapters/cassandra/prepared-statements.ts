import type { Client } from 'cassandra-driver';
// The driver has no other way to prepare a statement without executing it. (cassandra-driver 4.10.0)
// @ts-expect-error The module has no types.
import PrepareHandler from 'cassandra-driver/lib/prepare-handler.js';

const STATEMENTS = new Set<string>();

/** Declares a statement of the service, which is prepared when storage opens. Returns it unchanged. */
export function prepared(query: string): string {
  STATEMENTS.add(query);
  return query;
}

/** The statements declared so far. */
export function declaredStatements(): ReadonlySet<string> {
  return STATEMENTS;
}

/** The driver's function that prepares a statement on one node; on the next one if a node does not respond. */
interface Preparation {
  getPrepared(client: Client, loadBalancing: unknown, query: string, keyspace: string): Promise<unknown>;
}

/**
 * Prepares all declared statements, each on one node that responds, so that no request waits for a hanging node to
 * prepare one. Other nodes prepare a statement when they first get it. Rejects with the driver's error if no node
 * prepares one.
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
