import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';

/** The command line of a process; null if it does not run. */
export function commandLine(pid: number): string | null {
  try {
    const line = existsSync('/proc/self/cmdline')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return line.trim() || null;
  } catch {
    return null;
  }
}

/**
 * Ends the process `pid` when this process ends for any reason, including SIGKILL: a shell reads from a pipe that only
 * this process keeps open. Kill the returned shell if the other process ends first.
 */
export function endWithThisProcess(pid: number): ChildProcess {
  const script = 'read -r _; kill -CONT "$0"; kill -TERM "$0"';
  // In a separate process group: Ctrl-C goes to the whole group of a terminal, and must not end the shell first.
  return spawn('/bin/sh', ['-c', script, String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

/** A port of this host on which no process listens at present. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const optionsRequest = Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 0]);
const supportedOpcode = 6;

/** Whether the port responds within a second to an OPTIONS request of CQL's native protocol, which needs no login. */
export function respondsToCql(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => socket.write(optionsRequest));
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (frame) => end(frame[4] === supportedOpcode));
    socket.once('error', () => end(false));
    socket.once('end', () => end(false));
    socket.setTimeout(1000, () => end(false));
  });
}
