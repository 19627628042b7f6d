import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Buildah } from './buildah.ts';

/** The service as a container runs it. */
export interface RunningContainer {
  /** What it has printed so far. */
  readonly output: () => string;
  /** The user ids of the process that is sent the signals, once it is there; throws where it is not Node. */
  readonly uids: () => readonly number[];
  /** SIGTERM to that process; the exit code. */
  readonly terminate: () => Promise<number | null>;
  /** SIGKILL, where it still runs. */
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
  // What buildah starts by way of processes of its own.
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

/** The processes that `pid` has started, and those that they have, parents first. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))!;
      parents.set(Number(name), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  const childrenOf = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...childrenOf(child)]);
  return childrenOf(pid);
}
