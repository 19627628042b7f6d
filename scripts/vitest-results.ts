import { writeFileSync } from 'node:fs';
import process from 'node:process';
import type { SerializedError, TestError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/** A failed test, or an error outside of tests. */
export interface Failure {
  /** The name of the test, with its file and its suites. */
  readonly name: string;
  /** The first lines of the error, and the line of the test that it comes from. */
  readonly error: string;
}

/** The results of a test run. */
export interface TestResults {
  readonly passed: number;
  readonly skipped: number;
  /** Failed tests, and errors of files, of hooks and outside of tests, which Vitest's JSON report does not contain. */
  readonly failures: readonly Failure[];
}

/** The environment variable with the file to which the results are written. */
export const RESULTS_FILE = 'TEST_RESULTS_FILE';

const MAX_LINES = 8;

/** A reporter of Vitest that writes the results of a test run to a file, as JSON. */
export default class VitestResults implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) => tests.filter((test) => test.result().state === state).length;
    const results: TestResults = {
      passed: inState('passed'),
      skipped: inState('skipped') + inState('pending'),
      failures: [
        ...modules.flatMap(failuresIn),
        ...unhandledErrors.map((error) => ({ name: 'an error outside of tests', error: textOf(error) })),
      ],
    };
    writeFileSync(process.env[RESULTS_FILE]!, JSON.stringify(results));
  }
}

function failuresIn(module: TestModule): Failure[] {
  const file = module.relativeModuleId;
  const failureOf = (name: string, errors: readonly TestError[] = []): Failure[] =>
    errors.length === 0 ? [] : [{ name, error: textOf(errors[0]!) }];
  return [
    ...failureOf(file, module.errors()),
    ...[...module.children.allSuites()].flatMap((suite) =>
      failureOf(`${file} > ${suite.fullName}`, suite.errors() as TestError[]),
    ),
    ...[...module.children.allTests('failed')].flatMap((test) =>
      failureOf(`${file} > ${test.fullName}`, test.result().errors ?? [{ message: 'It failed.' }]),
    ),
  ];
}

function textOf({ name = 'Error', message, diff = '', stack = '' }: TestError): string {
  const isOfProject = (line: string) => /^\s+at /.test(line) && !/node_modules|node:/.test(line);
  const place = stack.split('\n').find(isOfProject) ?? '';
  return [...`${name}: ${message}\n${diff}`.trim().split('\n').slice(0, MAX_LINES), place.trim()].join('\n');
}
