import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { lockFolder, withLocalCassandra } from '../../scripts/local-cassandra/running.ts';

/** The response of a node to an OPTIONS request. */
const SUPPORTED = Buffer.from([0x84, 0, 0, 0, 6, 0, 0, 0, 0]);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'messenger-local-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

/** A server that listens like a node and optionally responds; returns its contact point. */
async function node({ answers }: { answers: boolean }): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (answers) socket.once('data', () => socket.end(SUPPORTED));
    else socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Writes the files of a process that runs the nodes of a folder. */
function run(contactPoints: readonly string[]): void {
  onTestFinished(lockFolder(folder, contactPoints));
}

describe('the settings of a command', () => {
  test('are those of the local Cassandra if it is ready', async () => {
    const contactPoints = [await node({ answers: true }), '127.0.0.2:9042'];
    run(contactPoints);
    await expect(withLocalCassandra({ PORT: '1', STORAGE: '' }, ['/nowhere', folder])).resolves.toEqual({
      PORT: '1',
      STORAGE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    });
  });

  test.each([
    { STORAGE: 'memory' },
    { STORAGE: 'cassandra' },
    { STORAGE: 'memory', CASSANDRA_CONTACT_POINTS: 'cassandra-1:9042' },
  ])('are not changed if they name the storage: %o', async (env) => {
    run([await node({ answers: true })]);
    await expect(withLocalCassandra(env, [folder])).resolves.toEqual(env);
  });

  test('are those of the Cassandra in CASSANDRA_CONTACT_POINTS', async () => {
    run([await node({ answers: true })]);
    const env = { STORAGE: '', CASSANDRA_CONTACT_POINTS: 'cassandra-1:9042' };
    await expect(withLocalCassandra(env, [folder])).resolves.toEqual({ ...env, STORAGE: 'cassandra' });
  });

  test('are missing if no local Cassandra runs', async () => {
    await expect(withLocalCassandra({}, [folder, '/nowhere'])).resolves.toBeNull();
  });

  test('are missing while it starts', async () => {
    run([await node({ answers: false })]);
    await expect(withLocalCassandra({}, [folder])).resolves.toBeNull();
  });

  test('are missing if its process is gone, even if its port is in use', async () => {
    const claim = {
      pid: process.pid,
      commandLine: 'of another process',
      contactPoints: [await node({ answers: true })],
    };
    mkdirSync(join(folder, 'locks'));
    writeFileSync(join(folder, 'locks', 'old.json'), JSON.stringify(claim));
    await expect(withLocalCassandra({}, [folder])).resolves.toBeNull();
  });
});
