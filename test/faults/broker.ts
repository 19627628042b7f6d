import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort, endWithThisProcess } from '../../scripts/local-cassandra/processes.ts';

/** A NATS server on this host. */
export interface Broker {
  readonly port: number;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** The reason why no NATS server can be started on this host; null if one can. */
export function natsServerMissing(): string | null {
  return spawnSync('nats-server', ['--version']).status === 0
    ? null
    : 'nats-server is not installed (Debian: apt-get install nats-server)';
}

/** Starts a NATS server, by default at a free port. It accepts connections when this resolves, and ends with this process. */
export async function startBroker(given?: number): Promise<Broker> {
  const port = given ?? (await freePort());
  const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const watchdog = endWithThisProcess(child.pid!);
  void exited.then(() => watchdog.kill());
  const lines = createInterface(child.stderr);
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('Server is ready') && resolve());
    child.once('exit', () => reject(new Error(`the NATS server at port ${port} ended`)));
  });
  return {
    port,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
