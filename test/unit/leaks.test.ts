import { describe, expect, test } from 'vitest';
import { problemOf, PROBLEMS, type ProblemCode } from '../../src/adapters/http/problems.ts';
import { assertNoInternalDetails } from '../faults/leaks.ts';

describe('the check finds internals:', () => {
  const leaks: Readonly<Record<string, string>> = {
    'a stack': '{"detail":"Error: no\\n    at f (/srv/service/main.js:1:2)"}',
    'a place in a file': 'in app.ts:12',
    'a package': '/node_modules/hono',
    'a file': 'ENOENT: "/app/openapi.json"',
    'a module': 'file:///service',
    'an error of the system': 'connect ECONNREFUSED 127.0.0.1:9042',
    'an error of Node': 'ERR_STREAM_PREMATURE_CLOSE',
    'an error of the driver': 'NoHostAvailableError: All host(s) tried for query failed',
    'a timeout of storage': 'Server timeout during read query at consistency LOCAL_QUORUM',
    'a statement': 'SELECT head FROM inbox',
    'a table': 'unconfigured table messages_by_conversation',
    'the name of storage': 'Cassandra is down',
  };
  for (const [name, text] of Object.entries(leaks)) {
    test(name, () =>
      expect(() => assertNoInternalDetails(['fine', text])).toThrow('contains internal details'),
    );
  }
});

test('no problem text counts as internal', () => {
  const problems = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) =>
    JSON.stringify(problemOf(code, 'id')),
  );
  assertNoInternalDetails(problems);
  assertNoInternalDetails([
    '"content":"Shall we meet at noon?","created_at":"2026-11-21T12:57:07.754000361Z"',
  ]);
});

test('no responses fail the check', () => {
  expect(() => assertNoInternalDetails([])).toThrow('there was no response');
});
