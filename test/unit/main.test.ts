import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';

/** A process starts slowly where others run beside it. */
const PATIENCE_MS = 30_000;

/** A line of the log. */
interface Line {
  readonly level: string;
  readonly msg: string;
}

/** The messenger as a process of its own, with `env` and no other settings. */
function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.node.ts'], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(JSON.parse(line) as Line);
    for (const look of waiting) look();
  });
  const errors = text(child.stderr);
  const ended = once(child, 'close').then(async ([code]) => ({
    code: code as number | null,
    lines,
    errors: await errors,
  }));

  /** The first line that matches, when it comes. */
  const said = (pattern: RegExp): Promise<Line> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find(({ msg }) => pattern.test(msg));
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
      void ended.then((end) => reject(new Error(`ended without ${pattern}: ${JSON.stringify(end)}`)));
    });

  /** Where it listens, once it does. */
  const url = async (): Promise<string> => (await said(/^Listening at /)).msg.replace('Listening at ', '');

  running.add(child);
  return { child, said, url, ended };
}

const running = new Set<ReturnType<typeof spawn>>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** A send of which the server has everything but the end of the body. */
async function halfASend(url: string) {
  const body = JSON.stringify({ sender_id: 'ada', receiver_id: 'ben', content: 'Hello' });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    Expect: '100-continue',
  };
  const sending = request(`${url}/api/messages`, { method: 'POST', headers });
  sending.flushHeaders();
  // The server asks for the body once it has seen the head.
  await once(sending, 'continue');
  sending.write(body.slice(0, 10));
  return {
    sending,
    finish: async (): Promise<IncomingMessage> => {
      sending.end(body.slice(10));
      const [answer] = (await once(sending, 'response')) as [IncomingMessage];
      return answer.resume();
    },
  };
}

describe('in memory', () => {
  test('it says so, serves, and on SIGTERM finishes what is in flight', async () => {
    const { child, said, url, ended } = start({ PORT: '0' });
    const address = await url();
    expect((await said(/^Ready at /)).msg).toContain(`${address}/docs`);
    expect(await said(/memory/)).toMatchObject({
      level: 'warn',
      msg: expect.stringContaining('end with it') as string,
    });
    expect((await fetch(`${address}/readyz`)).status).toBe(200);

    const { finish } = await halfASend(address);
    child.kill('SIGTERM');
    await said(/^SIGTERM/);
    const told = await fetch(`${address}/readyz`);
    expect(told.status).toBe(503);
    expect(await told.text()).toContain('The service is stopping.');
    const knock = (): Promise<string> =>
      fetch(`${address}/livez`).then(
        () => 'let in',
        () => 'turned away',
      );
    await expect.poll(knock, { timeout: 30_000 }).toBe('turned away');
    const answer = await finish();
    expect(answer.statusCode).toBe(201);
    expect(answer.headers.connection).toBe('close');

    const { code, lines, errors } = await ended;
    expect(code).toBe(0);
    expect(errors).toBe('');
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'Stopped' });
  });

  test('a second signal ends it at once', async () => {
    const { child, said, url, ended } = start({ PORT: '0' });
    const { sending } = await halfASend(await url());
    const cut = once(sending, 'error');
    child.kill('SIGINT');
    await said(/^SIGINT: /);
    // One Ctrl-C under npm is two signals, and still one.
    child.kill('SIGINT');
    const again = setInterval(() => child.kill('SIGTERM'), 100);
    const { code, lines } = await ended;
    clearInterval(again);
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: expect.stringMatching(/^SIGTERM again/) as string,
    });
    await cut;
  });

  test('it does not start on a port that is taken', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, lines } = await start({ PORT: String(port) }).ended;
    other.close();
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: `Port ${port} is taken by another process: choose another in PORT.`,
    });
  });
});

test('it does not start on a bad environment', async () => {
  const { code, lines, errors } = await start({ PORT: 'x', CASSANDRA_PASSWORD: 'hunter2' }).ended;
  expect(code).toBe(1);
  expect(lines).toEqual([]);
  expect(errors).toContain('PORT must');
  expect(errors).toContain('CASSANDRA_USERNAME is missing');
  expect(errors).not.toContain('hunter2');
});

test(
  'it listens while Cassandra is not there, says so, and stops when told',
  { timeout: PATIENCE_MS },
  async () => {
    // Nothing listens on port 1.
    const { child, url, ended } = start({
      PORT: '0',
      STORAGE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: '127.0.0.1:1',
    });
    const address = await url();
    expect((await fetch(`${address}/livez`)).status).toBe(200);
    const ready = await fetch(`${address}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('Cassandra');
    child.kill('SIGTERM');
    const { code, lines } = await ended;
    expect(code).toBe(0);
    expect(lines.map(({ level }) => level)).not.toContain('fatal');
  },
);
