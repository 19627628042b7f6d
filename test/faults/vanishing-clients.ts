import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from '../../scripts/local-cassandra/processes.ts';
import type { UserId } from '../../src/domain/ids.ts';

/** A process that reads a stream of each of some users. */
export interface StoppableReader {
  /** SIGSTOP: its connections stay open, and it reads no more. */
  stop(): void;
  kill(): void;
}

/** Reads streams until it is stopped. Prints a line when all have begun. */
const READER_SCRIPT = `
import { request } from 'node:http';
const [url, ...users] = process.argv.slice(1);
let begun = 0;
for (const user of users) {
  const outgoing = request(url + '/api/events/user/' + user, { agent: false, headers: { Accept: 'text/event-stream' } });
  outgoing.once('response', (response) => {
    response.once('data', () => (begun += 1) === users.length && console.log('all have begun'));
    response.resume();
  });
  outgoing.end();
}`;

/** Resolves when all streams have begun. */
export async function startStoppableReader(url: string, users: readonly UserId[]): Promise<StoppableReader> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', READER_SCRIPT, url, ...users], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const watchdog = endWithThisProcess(child.pid!);
  child.once('exit', () => watchdog.kill());
  await once(createInterface(child.stdout), 'line');
  return {
    stop: () => void child.kill('SIGSTOP'),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** A TCP proxy on this host. */
export interface DroppingProxy {
  readonly url: string;
  /** Passes nothing on any more in either direction, nor the end of a connection. Then calls `afterwards`. */
  dropPackets(afterwards: () => Promise<void>): Promise<void>;
  close(): void;
}

export async function openDroppingProxy(target: string): Promise<DroppingProxy> {
  const { hostname, port } = new URL(target);
  const sockets: Socket[] = [];
  let isDropping = false;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    sockets.push(client, upstream);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (part) => {
        if (!isDropping) to.write(part);
      });
      from.on('end', () => {
        if (!isDropping) to.end();
      });
      from.on('error', () => undefined);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async dropPackets(afterwards) {
      isDropping = true;
      for (const socket of sockets) socket.pause();
      await afterwards();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
