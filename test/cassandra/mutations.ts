/** A statement of a batch as the driver gets it. */
export interface BatchStatement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/**
 * The statements of a batch by partition key, which is the first parameter of each. Cassandra applies each of these
 * mutations without the others, so a test that delays or loses writes does that for each of them.
 */
export function mutationsOf(statements: readonly BatchStatement[]): BatchStatement[][] {
  const byKey = new Map<string, BatchStatement[]>();
  for (const statement of statements) {
    const key = String(statement.params[0]);
    byKey.set(key, [...(byKey.get(key) ?? []), statement]);
  }
  return [...byKey.values()];
}
