import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Buildah } from './buildah.ts';

/** The service in a container. */
export interface RunningContainer {
  /** Its output so far. */
  readonly output: () => string;
  /** The user ids of the process that gets the signals, after its start. Throws if that process is not Node. */
  readonly uids: () => readonly number[];
  /** Sends SIGTERM to that process, and resolves with the exit code. */
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
  // The process of the command. Between it and this process are further processes of buildah.
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

/** All descendants of the process `pid`, parents first. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))!;
      parents.set(Number(name), Number(parent));
    } catch {
      // The process has ended in the meantime.
    }
  }
  const childrenOf = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...childrenOf(child)]);
  return childrenOf(pid);
}
