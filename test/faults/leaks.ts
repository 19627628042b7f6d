import { strict as assert } from 'node:assert';
import type { Ask } from './http.ts';

/**
 * What tells of the inside: of storage and its driver, of CQL, of the runtime and of files. Whoever hears what a
 * service says does not ask for /docs, whose script is another's, nor sends messages that hold such words.
 */
const INTERNAL: readonly RegExp[] = [
  // A line of a stack, and places in files.
  /\bat [^"\n]{0,200}(?:file:|node:|\/)[^"\n]{0,200}:\d+:\d+/,
  /\.(?:[cm]?[jt]s|json5|node):\d+/,
  /node_modules|node:internal|file:\/\/|\/dist\/|\/src\/|(?:^|[\s"'(=])\/(?:work|home|root|usr|app|tmp|var|opt)\//,
  // Node's errors of the system, and the names of errors.
  /\bE(?:CONN|ADDR|PIPE|HOST|NET|MFILE|NFILE|NOENT|ACCES|PERM|TIMEDOUT|AI_)[A-Z]*\b|\bERR_[A-Z_]+|\bHPE_[A-Z_]+/,
  /\b(?:Type|Range|Syntax|Reference|Request|Zod|Response|NoHostAvailable|OperationTimedOut|BusyConnection|Driver)Error\b/,
  // Cassandra, its driver, and what is said to them.
  /cassandra|datastax|keyspace|\bcql\b|coordinator|replica|LOCAL_(?:QUORUM|ONE|SERIAL)|host\(s\) tried/i,
  /\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|BEGIN UNLOGGED BATCH|USING TIMESTAMP|ALLOW FILTERING)\b/,
  /_by_(?:conversation|user|idempotency_key)\b/,
];

const SHOWN_BEFORE = 80;

/** Throws where something that a service said, of all that is given, tells of its inside. */
export function assertNoInternalDetails(said: Iterable<string>): void {
  let count = 0;
  for (const text of said) {
    count += 1;
    for (const pattern of INTERNAL) {
      const found = pattern.exec(text);
      if (found === null) continue;
      const from = Math.max(0, found.index - SHOWN_BEFORE);
      assert.fail(
        `an answer tells of the inside (${pattern}): …${text.slice(from, from + 3 * SHOWN_BEFORE)}…`,
      );
    }
  }
  assert.ok(count > 0, 'nothing was said');
}

/** The same questions; what is said to them, headers and bodies, is added to `said`. */
export function recordAnswers(ask: Ask, said: Set<string>): Ask {
  return async (apiRequest) => {
    const answer = await ask(apiRequest);
    said.add(JSON.stringify([answer.headers, answer.body]));
    return answer;
  };
}
