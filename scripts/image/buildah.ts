import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { run } from '../deploy-check/run.ts';

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

  /** Runs a command in a container until it ends, as `user`; default: the image's user. */
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
