import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** The result of a command: its exit code, and its output to stdout and stderr. */
export interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command to its end. `code` is null if the program cannot be started. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    /** The standard input. */
    readonly input?: string;
  } = {},
): Promise<Run> {
  const { input, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] });
    // If the program does not read all input, its exit code shows why.
    child.stdin.on('error', () => undefined).end(input);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** An error that is injected into a file, and that a check must find. */
export interface Fault {
  readonly file: string;
  /** The text to replace (all occurrences) and its replacement. */
  readonly from: string;
  readonly to: string;
  /** Matches the output of the check. */
  readonly found: RegExp;
}

export function titleOf({ file, from, to }: Fault): string {
  return `found: ${file} with ${JSON.stringify(to)} for ${JSON.stringify(from)}`;
}

/** `text` with the injected error. Throws an `Error` if `text` does not contain `from`. */
export function withFault(text: string, { file, from, to }: Fault): string {
  if (!text.includes(from)) throw new Error(`${file} does not contain: ${from}`);
  return text.replaceAll(from, to);
}

/** A failure in the output of a script: the name, and the error indented below. `.ci/run` repeats these lines at its end. */
export function failureText(name: string, error: string): string {
  const lines = stripVTControlCharacters(error).trim().split('\n');
  return [`  FAILED  ${name}`, ...lines.map((line) => `          ${line}`)].join('\n');
}

/** The line for checks that are skipped on this host, with the reason; a failure with CI=true. */
export function leftOutText(what: string, reason: string): string {
  return process.env['CI'] === 'true'
    ? failureText(`LEFT OUT: ${what}`, reason)
    : `LEFT OUT: ${what}: ${reason}`;
}

/** Reports the result of a check: `error` is null or an empty text if the check passed. */
export type ReportResult = (name: string, error: string | null) => void;

/**
 * Runs checks, prints each result and the totals, and returns the exit code. If `missing` is not null, it is the requirement
 * that the host lacks; then nothing is checked, which is a failure if CI=true.
 */
export async function runChecks(
  missing: string | null,
  checks: (report: ReportResult) => Promise<void>,
): Promise<0 | 1> {
  let passed = 0;
  let failed = 0;
  if (missing === null) {
    await checks((name, error) => {
      if (error) failed += 1;
      else passed += 1;
      console.log(error ? failureText(name, error) : `  ok      ${name}`);
    });
  } else {
    console.log(leftOutText('all checks', missing));
    if (process.env['CI'] === 'true') failed = 1;
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
