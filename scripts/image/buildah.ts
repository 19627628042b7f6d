import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { run } from '../deploy-check/run.ts';

/** What an image says about itself. */
export interface ImageConfig {
  readonly Cmd: readonly string[];
  readonly User: string;
  readonly Healthcheck?: { readonly Test: readonly string[] };
  readonly Labels: Readonly<Record<string, string>>;
}

type Variables = Readonly<Record<string, string>>;

/** buildah with images of its own in a folder, without namespaces and daemons: for hosts that have neither. */
export class Buildah {
  readonly #global: readonly string[];

  constructor(folder: string) {
    const [root, runroot] = [join(folder, 'root'), join(folder, 'run')];
    this.#global = ['--root', root, '--runroot', runroot, '--storage-driver', 'vfs'];
  }

  /** Runs a command of buildah, and gives what it printed; throws an `Error` with that where it fails. */
  async do(...args: readonly string[]): Promise<string> {
    const { code, output } = await run('buildah', [...this.#global, ...args]);
    if (code !== 0) throw new Error(`buildah ${args[0]} failed:\n${output.slice(-4_000)}`);
    return output.trim();
  }

  async configOf(image: string): Promise<ImageConfig> {
    return JSON.parse(await this.do('inspect', '--type', 'image', image)).Docker.config;
  }

  /** For people: `312 MB`. */
  async sizeOf(image: string): Promise<string> {
    return this.do('images', '--format', '{{.Size}}', image);
  }

  /** Runs a command in a container to its end, as the image's user unless another is named. */
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
