import { spawn } from 'node:child_process';

/** The result of a command: its exit code, and its output on both streams. */
export interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command until it ends. `code` is null if the program can't be started. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    /** Its standard input. */
    readonly input?: string;
  } = {},
): Promise<Run> {
  const { input, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] });
    // A program may end before it has read all input; its exit code shows why.
    child.stdin.on('error', () => undefined).end(input);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}
