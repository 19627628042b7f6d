import { strict as assert } from 'node:assert';
import type { SendRequest } from './http.ts';

/**
 * Internal details: of storage and its driver, CQL, the runtime and files. Do not apply it to /docs, which has a third-party
 * script, or to messages with such words.
 */
const INTERNAL: readonly RegExp[] = [
  // Lines of stack traces, and positions in files.
  /\bat [^"\n]{0,200}(?:file:|node:|\/)[^"\n]{0,200}:\d+:\d+/,
  /\.(?:[cm]?[jt]s|json5|node):\d+/,
  /node_modules|node:internal|file:\/\/|\/dist\/|\/src\/|(?:^|[\s"'(=])\/(?:work|home|root|usr|app|tmp|var|opt)\//,
  // Codes of system errors, and names of errors.
  /\bE(?:CONN|ADDR|PIPE|HOST|NET|MFILE|NFILE|NOENT|ACCES|PERM|TIMEDOUT|AI_)[A-Z]*\b|\bERR_[A-Z_]+|\bHPE_[A-Z_]+/,
  /\b(?:Type|Range|Syntax|Reference|Request|Zod|Response|NoHostAvailable|OperationTimedOut|BusyConnection|Driver)Error\b/,
  // Cassandra, its driver, and statements.
  /cassandra|datastax|keyspace|\bcql\b|coordinator|replica|LOCAL_(?:QUORUM|ONE|SERIAL)|host\(s\) tried/i,
  /\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|BEGIN UNLOGGED BATCH|USING TIMESTAMP|ALLOW FILTERING)\b/,
  /_by_(?:conversation|user|idempotency_key)\b/,
];

const SHOWN_BEFORE = 80;

/** Throws if one of the texts contains internal details, or if there are no texts. */
export function assertNoInternalDetails(responses: Iterable<string>): void {
  let count = 0;
  for (const text of responses) {
    count += 1;
    for (const pattern of INTERNAL) {
      const found = pattern.exec(text);
      if (found === null) continue;
      const from = Math.max(0, found.index - SHOWN_BEFORE);
      assert.fail(
        `a response contains internal details (${pattern}): …${text.slice(from, from + 3 * SHOWN_BEFORE)}…`,
      );
    }
  }
  assert.ok(count > 0, 'there was no response');
}

/** The same function; it adds the headers and body of each response to `responses`. */
export function recordResponses(sendRequest: SendRequest, responses: Set<string>): SendRequest {
  return async (apiRequest) => {
    const answer = await sendRequest(apiRequest);
    responses.add(JSON.stringify([answer.headers, answer.body]));
    return answer;
  };
}
