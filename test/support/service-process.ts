import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { recordLogLine } from './log-leak-guard.ts';

/** A line of the log. */
interface Line {
  readonly level: string;
  readonly msg: string;
}

/** How a process ended, and what it had said. */
interface End {
  readonly code: number | null;
  readonly lines: readonly Line[];
  /** What came out beside the log. */
  readonly errors: string;
}

/** The messenger as a process of its own. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<End>;
  /** The first line that matches, when it comes; rejects where the process ends without. */
  readonly said: (pattern: RegExp) => Promise<Line>;
  /** Where it listens, once it does. */
  readonly url: () => Promise<string>;
}

/** Starts the messenger with `env` and no other settings, until the test has finished. */
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
      void ended.then((end) => reject(new Error(`ended without ${pattern}: ${JSON.stringify(end)}`)));
    });

  return {
    child,
    ended,
    said,
    url: async () => (await said(/^Listening at /)).msg.replace('Listening at ', ''),
  };
}

/** A send of which the server at `url` has everything but the end of the body. */
export async function halfASend(url: string, message: object) {
  const body = Buffer.from(JSON.stringify(message));
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    Expect: '100-continue',
  };
  const sending = request(`${url}/api/messages`, { method: 'POST', headers });
  sending.flushHeaders();
  // The server asks for the body once it has seen the head.
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
