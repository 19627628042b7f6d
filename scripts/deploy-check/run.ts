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
