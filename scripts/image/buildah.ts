import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../checks.ts';

/** The configuration of an image. */
export interface ImageConfig {
  readonly Cmd: readonly string[];
  readonly User: string;
  readonly Healthcheck?: { readonly Test: readonly string[] };
  readonly Labels: Readonly<Record<string, string>>;
}

type Variables = Readonly<Record<string, string>>;

/** Runs buildah with image storage in a folder, without namespaces and daemons, for hosts that have neither. */
export class Buildah {
  readonly #global: readonly string[];

  constructor(folder: string) {
    const [root, runroot] = [join(folder, 'root'), join(folder, 'run')];
    this.#global = ['--root', root, '--runroot', runroot, '--storage-driver', 'vfs'];
  }

  /** Runs a buildah command and returns its output. Throws an `Error` with the output if the command fails. */
  async do(...args: readonly string[]): Promise<string> {
    const { code, output } = await run('buildah', [...this.#global, ...args]);
    if (code !== 0) throw new Error(`buildah ${args[0]} failed:\n${output.slice(-4_000)}`);
    return output.trim();
  }

  async configOf(image: string): Promise<ImageConfig> {
    return JSON.parse(await this.do('inspect', '--type', 'image', image)).Docker.config;
  }

  /** The size as text: `312 MB`. */
  async sizeOf(image: string): Promise<string> {
    return this.do('images', '--format', '{{.Size}}', image);
  }

  /** Runs a command in a container until it ends, as `user`, by default the image's user. */
  in(
    container: string,
    command: readonly string[],
    variables: Variables = {},
    user?: string,
  ): Promise<string> {
    return this.do(...inContainer(container, command, variables, user));
  }

  /** Starts a command in a container, as the image's user. */
  start(container: string, command: readonly string[], variables: Variables): ChildProcess {
    return spawn('buildah', [...this.#global, ...inContainer(container, command, variables)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

function inContainer(
  container: string,
  command: readonly string[],
  variables: Variables,
  user?: string,
): readonly string[] {
  return [
    'run',
    '--isolation',
    'chroot',
    ...Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(user === undefined ? [] : ['--user', user]),
    container,
    '--',
    ...command,
  ];
}

/** The service as a container runs it. */
export interface RunningContainer {
  /** The output until now. */
  readonly output: () => string;
  /** The user ids of the process that gets the signals. Throws if it is not running yet, or is not Node. */
  readonly uids: () => readonly number[];
  /** Sends SIGTERM to that process; resolves with the exit code. */
  readonly terminate: () => Promise<number | null>;
  /** Sends SIGKILL if it still runs. */
  readonly kill: () => void;
}

/** Starts the image's own command in a container. */
export function startContainer(
  buildah: Buildah,
  container: string,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): RunningContainer {
  const child = buildah.start(container, command, variables);
  const ended = once(child, 'close') as Promise<[number | null]>;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  // The first process of the container. buildah starts it through processes of its own, which are skipped.
  const first = (): number => {
    const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    const pid = descendantsOf(child.pid!).find((each) => !nameOf(each).includes('buildah'));
    if (pid === undefined || !readlinkSync(`/proc/${pid}/exe`).endsWith('/node')) {
      throw new Error(`The first process of the container is not Node.`);
    }
    return pid;
  };
  return {
    output: () => output,
    uids: () => {
      const [, uids] = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${first()}/status`, 'utf8'))!;
      return uids!.split(/\s+/).map(Number);
    },
    terminate: async () => {
      process.kill(first(), 'SIGTERM');
      const [code] = await ended;
      return code;
    },
    kill: () => {
      if (child.exitCode !== null) return;
      for (const pid of descendantsOf(child.pid!)) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
    },
  };
}

/** The descendants of the process `pid`, parents first. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))!;
      parents.set(Number(name), Number(parent));
    } catch {
      // The process has ended meanwhile.
    }
  }
  const childrenOf = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...childrenOf(child)]);
  return childrenOf(pid);
}
