import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { beginSend, openConnection, startProcess } from '../support/service-process.ts';

const MESSAGE = { sender_id: 'ada', receiver_id: 'ben', content: 'Hello' };

describe('in memory', () => {
  test('the service logs that, serves, and drains requests on SIGTERM', async () => {
    const { child, said, url, ended } = startProcess({ PORT: '0' });
    const address = await url();
    expect((await said(/^Ready at /)).msg).toContain(`${address}/docs`);
    expect(await said(/memory/)).toMatchObject({
      level: 'warn',
      msg: expect.stringContaining('are lost') as string,
    });
    expect((await fetch(`${address}/readyz`)).status).toBe(200);

    const requestLater = await openConnection(address);
    const { finish } = await beginSend(address, MESSAGE);
    child.kill('SIGTERM');
    await said(/^SIGTERM/);
    const response = await requestLater('/readyz');
    expect(response).toMatch(/^HTTP\/1\.1 503 /);
    expect(response).toContain('The service is stopping.');
    const requestOnce = (): Promise<string> =>
      fetch(`${address}/livez`).then(
        () => 'let in',
        () => 'refused',
      );
    await expect.poll(requestOnce).toBe('refused');
    const answer = await finish();
    expect(answer.statusCode).toBe(201);
    expect(answer.headers.connection).toBe('close');

    const { code, lines, errors } = await ended;
    expect(code).toBe(0);
    expect(errors).toBe('');
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'Stopped' });
  });

  test('it listens only on this host by default', async () => {
    // All of 127.0.0.0/8 is this host: a server on all addresses answers there too.
    const elsewhere = async (env: Record<string, string>) => {
      const address = await startProcess({ PORT: '0', ...env }).url();
      const { port } = new URL(address);
      expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
      return fetch(`http://127.0.0.2:${port}/livez`).then(
        ({ status }) => status,
        () => 'refused',
      );
    };
    expect(await elsewhere({})).toBe('refused');
    expect(await elsewhere({ HOST: '0.0.0.0' })).toBe(200);
    expect(await elsewhere({ HOST: '::' })).toBe(200);
  });

  test('a second signal ends it at once', async () => {
    const { child, said, url, ended } = startProcess({ PORT: '0' });
    const { sending } = await beginSend(await url(), MESSAGE);
    const cut = once(sending, 'error');
    // One Ctrl-C under npm sends two signals, which count as one.
    child.kill('SIGINT');
    child.kill('SIGINT');
    await said(/^SIGINT: /);
    const again = setInterval(() => child.kill('SIGTERM'), 100);
    const { code, lines } = await ended;
    clearInterval(again);
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: expect.stringMatching(/^Second SIGTERM/) as string,
    });
    await cut;
  });

  test('it does not start on a used port', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, lines } = await startProcess({ PORT: String(port) }).ended;
    other.close();
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: `Port ${port} is in use by another process: set PORT to another port.`,
    });
  });
});

test('it does not start with an invalid environment', async () => {
  const { code, lines, errors } = await startProcess({ PORT: 'x', CASSANDRA_PASSWORD: 'hunter2' }).ended;
  expect(code).toBe(1);
  expect(lines).toEqual([]);
  expect(errors).toContain('PORT must');
  expect(errors).toContain('CASSANDRA_USERNAME is missing');
  expect(errors).not.toContain('hunter2');
  expect(errors).not.toMatch(/^ +at /m);
});

test('it listens while Cassandra is unreachable, logs that, and stops on SIGTERM', async () => {
  // Nothing listens on port 1.
  const { child, url, ended } = startProcess({
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
});

test('it is not ready before the token keys are fetched', async () => {
  // Nothing listens on port 1.
  const { url } = startProcess({
    PORT: '0',
    AUTH: 'jwt',
    AUTH_JWKS_URL: 'http://127.0.0.1:1/keys',
    AUTH_ISSUER: 'https://id.example',
    AUTH_AUDIENCE: 'messenger',
  });
  const address = await url();
  const ready = await fetch(`${address}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain('Tokens cannot be verified');
  expect((await fetch(`${address}/livez`)).status).toBe(200);
});
