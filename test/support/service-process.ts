import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { recordLogLine } from './log-leak-guard.ts';

/** A line of the log. */
interface Line {
  readonly level: string;
  readonly msg: string;
}

/** The exit of a process and its output. */
interface End {
  readonly code: number | null;
  readonly lines: readonly Line[];
  /** Output other than the log. */
  readonly errors: string;
}

/** The messenger as a separate process. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<End>;
  /** The first matching line; rejects if the process exits without one. */
  readonly said: (pattern: RegExp) => Promise<Line>;
  /** The address, when it listens. */
  readonly url: () => Promise<string>;
}

/** Starts the messenger with only the settings `env`; it stops when the test finishes. */
export function startProcess(env: Readonly<Record<string, string>>): ServiceProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.node.ts'], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));

  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    recordLogLine(line);
    lines.push(JSON.parse(line) as Line);
    for (const look of waiting) look();
  });
  const errors = text(child.stderr);
  const ended = once(child, 'close').then(async ([code]): Promise<End> => {
    return { code: code as number | null, lines, errors: await errors };
  });

  const said = (pattern: RegExp): Promise<Line> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find(({ msg }) => pattern.test(msg));
        if (line !== undefined) resolve(line);
      };
      waiting.add(look);
      look();
      void ended.then((end) => reject(new Error(`exited without ${pattern}: ${JSON.stringify(end)}`)));
    });

  return {
    child,
    ended,
    said,
    url: async () => (await said(/^Listening at /)).msg.replace('Listening at ', ''),
  };
}

/**
 * A connection that is opened now, for one GET that is sent later, also when the server accepts no connections any more. The
 * result is the response as text. The server has accepted the connection when it answers a later one.
 */
export async function openConnection(url: string): Promise<(path: string) => Promise<string>> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return (path) => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: messenger\r\nConnection: close\r\n\r\n`);
    return text(socket);
  };
}

/** A send whose body is complete except for its end. */
export async function beginSend(url: string, message: object) {
  const body = Buffer.from(JSON.stringify(message));
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    Expect: '100-continue',
  };
  const sending = request(`${url}/api/messages`, { method: 'POST', headers });
  sending.flushHeaders();
  // The server sends 100 Continue when it has read the head.
  await once(sending, 'continue');
  sending.write(body.subarray(0, 10));
  return {
    sending,
    finish: async (): Promise<IncomingMessage> => {
      sending.end(body.subarray(10));
      const [answer] = (await once(sending, 'response')) as [IncomingMessage];
      return answer.resume();
    },
  };
}
