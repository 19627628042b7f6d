import { spawn } from 'node:child_process';

/** How a command ended: its exit code, and what it printed to either stream. */
export interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command to its end; where the program can't be started, `code` is null. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    /** What it reads from its standard input. */
    readonly input?: string;
  } = {},
): Promise<Run> {
  const { input, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] });
    // Whoever does not read to the end says why by how it ends.
    child.stdin.on('error', () => undefined).end(input);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** A change to a file that a check has to find. */
export interface Fault {
  readonly file: string;
  /** Text that is in the file, and what replaces it, wherever it stands. */
  readonly from: string;
  readonly to: string;
  /** What the check says of it. */
  readonly found: RegExp;
}

export function titleOf({ file, from, to }: Fault): string {
  return `found: ${file} with ${JSON.stringify(to)} for ${JSON.stringify(from)}`;
}

/** `text` with the fault. Throws an `Error` where it does not contain what the fault replaces. */
export function planted(text: string, { file, from, to }: Fault): string {
  if (!text.includes(from)) throw new Error(`${file} does not contain: ${from}`);
  return text.replaceAll(from, to);
}

/** Notes the outcome of a check: `flaw` is what is wrong; null or an empty text where nothing is. */
export type Note = (name: string, flaw: string | null) => void;

/**
 * Runs checks, prints each outcome and their number, and gives the exit code. `missing` says what this host lacks; then
 * nothing is checked, which is a failure where CI=true.
 */
export async function runChecks(
  missing: string | null,
  checks: (note: Note) => Promise<void>,
): Promise<0 | 1> {
  let passed = 0;
  let failed = 0;
  if (missing === null) {
    await checks((name, flaw) => {
      if (flaw) failed += 1;
      else passed += 1;
      console.log(`  ${flaw ? 'FAILED' : 'ok    '}  ${name}${flaw ? `\n${flaw}` : ''}`);
    });
  } else {
    console.error(`NOTHING WAS CHECKED: ${missing}`);
    if (process.env['CI'] === 'true') failed = 1;
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
