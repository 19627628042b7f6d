import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { auth, Client, types, type ClientOptions } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  localCassandraMissing,
  LONG_TIMEOUTS,
  startLocalCluster,
  type LocalCluster,
} from '../../scripts/local-cassandra/cluster.ts';
import { freePort } from '../../scripts/local-cassandra/processes.ts';
import { cassandraFolder } from '../../scripts/local-cassandra/project.ts';
import { readMigrations } from '../../scripts/migrations.ts';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { migrate, statementsOf } from '../../src/adapters/cassandra/migrate.ts';
import { settingsByNode } from '../../src/adapters/cassandra/node-settings.ts';
import { readConfig } from '../../src/composition/config.ts';
import { freshUsers } from '../contracts/fixtures.ts';
import { startProcess } from '../support/service-process.ts';

/*
 * A node with production security: passwords, permissions, and client certificates on the port that the messenger
 * uses. (A second port without TLS is for the code that starts the node.)
 */

const ADDRESS = '127.0.0.1';
const PASSWORDS = { messenger_owner: 'the owner’s password', messenger_service: 'the service’s password' };

let folder: string;
let cluster: LocalCluster;
let tlsPort: number;
let administrator: Client;
const closing: (() => unknown)[] = [];

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

/** `<name>.pem` and `<name>.key`, signed by `authority` or by itself. */
function makeCertificate(name: string, authority: string | null, extension: string): void {
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
    ...['-subj', `/CN=${name}`, '-addext', extension, '-keyout', `${name}.key`, '-out', `${name}.pem`],
    ...(authority === null ? [] : ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`]),
  );
}

async function connectTo(options: ClientOptions): Promise<Client> {
  const client = new Client({ localDataCenter: cluster.localDatacenter, ...options });
  await client.connect();
  return client;
}

/** The settings of a process with this role and the client certificate. */
function environmentOf(role: keyof typeof PASSWORDS): Record<string, string> {
  const password = join(folder, `${role}.password`);
  writeFileSync(password, `${PASSWORDS[role]}\n`);
  return {
    PORT: '0',
    STORAGE: 'cassandra',
    CASSANDRA_CONTACT_POINTS: `${ADDRESS}:${tlsPort}`,
    CASSANDRA_USERNAME: role,
    CASSANDRA_PASSWORD_FILE: password,
    CASSANDRA_TLS_CA: join(folder, 'authority.pem'),
    CASSANDRA_TLS_CERT: join(folder, 'client.pem'),
    CASSANDRA_TLS_KEY: join(folder, 'client.key'),
    REQUEST_TIMEOUT_MS: '20000',
  };
}

function optionsOf(role: keyof typeof PASSWORDS): CassandraOptions {
  return readConfig(environmentOf(role), (path) => readFileSync(path, 'utf8')).cassandra;
}

function migrateAs(role: keyof typeof PASSWORDS): Promise<void> {
  return migrate({
    options: optionsOf(role),
    replicationFactor: 1,
    migrations: readMigrations(),
    report: () => undefined,
  });
}

/** A CQL client with the settings of the service. */
async function clientOf(role: keyof typeof PASSWORDS): Promise<Client> {
  const { tlsCa, tlsClient, credentials } = optionsOf(role);
  const client = await connectTo({
    contactPoints: [`${ADDRESS}:${tlsPort}`],
    protocolOptions: { port: tlsPort },
    keyspace: 'messenger',
    authProvider: new auth.PlainTextAuthProvider(credentials!.username, credentials!.password),
    sslOptions: { ca: [tlsCa!], rejectUnauthorized: true, ...tlsClient },
  });
  onTestFinished(() => client.shutdown());
  return client;
}

/** With CASSANDRA_CONTACT_POINTS set, this host need not have the requirements of a node. */
const missing = await localCassandraMissing();

describe.skipIf(missing !== null)('on a separate node', () => {
  beforeAll(async () => {
    mkdirSync(cassandraFolder, { recursive: true });
    folder = mkdtempSync(join(cassandraFolder, 'tests-secured-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    makeCertificate('authority', null, 'keyUsage=keyCertSign');
    makeCertificate('node', 'authority', `subjectAltName=IP:${ADDRESS}`);
    makeCertificate('client', 'authority', 'extendedKeyUsage=clientAuth');
    makeCertificate('stranger', null, 'extendedKeyUsage=clientAuth');

    tlsPort = await freePort();
    cluster = await startLocalCluster({
      directory: join(folder, 'node'),
      addresses: [ADDRESS],
      nativePort: await freePort(),
      storagePort: await freePort(),
      javaOptions: ['-XX:TieredStopAtLevel=1'],
      yaml: {
        ...LONG_TIMEOUTS,
        authenticator: 'PasswordAuthenticator',
        authorizer: 'CassandraAuthorizer',
        native_transport_port_ssl: tlsPort,
        client_encryption_options: {
          enabled: true,
          require_client_auth: true,
          ssl_context_factory: {
            class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory',
            parameters: {
              private_key: `${read('node.key')}${read('node.pem')}`,
              trusted_certificates: read('authority.pem'),
            },
          },
        },
      },
    });

    closing.push(() => cluster.stop());

    administrator = await connectTo({
      contactPoints: [...cluster.contactPoints],
      authProvider: new auth.PlainTextAuthProvider('cassandra', 'cassandra'),
    });
    closing.push(() => administrator.shutdown());
    const roles = readFileSync('ops/roles.cql', 'utf8')
      .replace(
        /(ROLE IF NOT EXISTS (\w+) .*)'change-me'/g,
        (_, start: string, name: keyof typeof PASSWORDS) => `${start}'${PASSWORDS[name]}'`,
      )
      .replace("'datacenter1': 3", "'datacenter1': 1");
    for (const statement of statementsOf(roles)) await administrator.execute(statement);
  });

  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  describe('with two roles', () => {
    test('the owner migrates; the service runs with only SELECT and MODIFY on the keyspace', async () => {
      await migrateAs('messenger_owner');
      const { url, said, child, ended } = startProcess(environmentOf('messenger_service'));
      await said(/^Ready at /);
      const address = await url();
      const [ada, ben] = freshUsers();
      const post = (path: string, body: object, headers = {}): Promise<Response> =>
        fetch(`${address}${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...headers },
          body: JSON.stringify(body),
        });
      const message = { sender_id: ada, receiver_id: ben, content: 'Hello' };
      const sent = await post('/api/messages', message, { 'Idempotency-Key': 'one' });
      expect(sent.status).toBe(201);
      const { id, conversation_id } = (await sent.json()) as { id: string; conversation_id: string };
      const replayed = await post('/api/messages', message, { 'Idempotency-Key': 'one' });
      expect(await replayed.json()).toMatchObject({ id });
      const list = async (path: string): Promise<unknown> => (await fetch(`${address}${path}`)).json();
      expect(await list(`/api/messages/conversation/${conversation_id}`)).toMatchObject({ data: [{ id }] });
      expect(await list(`/api/conversations/user/${ben}`)).toMatchObject({ data: [{ last_message_id: id }] });
      const named = await fetch(`${address}/api/users/${ada}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ username: 'Ada' }),
      });
      expect(named.status).toBe(201);
      expect((await fetch(`${address}/readyz`)).status).toBe(200);
      child.kill('SIGTERM');
      const { code, lines } = await ended;
      expect(code).toBe(0);
      expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    });

    test.each([
      'ALTER TABLE users ADD age int',
      'CREATE TABLE ages (user_id text PRIMARY KEY, age int)',
      'DROP TABLE users',
      "ALTER KEYSPACE messenger WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}",
      'DROP KEYSPACE messenger',
      'GRANT ALTER ON KEYSPACE messenger TO messenger_service',
      "ALTER ROLE messenger_owner WITH PASSWORD = 'x'",
      'SELECT * FROM system_auth.roles',
    ])('the service can not: %s', async (statement) => {
      const client = await clientOf('messenger_service');
      await expect(client.execute(statement)).rejects.toMatchObject({
        code: types.responseErrorCodes.unauthorized,
      });
    });

    test('the service reads node settings if it has the permission, and otherwise works without', async () => {
      const client = await clientOf('messenger_service');
      expect((await settingsByNode(client)).size).toBe(1);
      await administrator.execute('REVOKE SELECT ON TABLE system_views.settings FROM messenger_service');
      await expect.poll(async () => (await settingsByNode(client)).size).toBe(0);
      const { said, child, ended } = startProcess(environmentOf('messenger_service'));
      await said(/^Ready at /);
      child.kill('SIGTERM');
      const { code, lines } = await ended;
      expect(code).toBe(0);
      expect(lines.filter(({ level }) => level !== 'info').map(({ msg }) => msg)).toEqual([
        expect.stringMatching(/^Authentication is off/),
        // It has only one node.
        expect.stringMatching(/^Raise the replication factor/),
      ]);
    });

    test('the seed and the scanner work with the role of the service', async () => {
      const env = { PATH: process.env['PATH'], ...environmentOf('messenger_service') };
      const run = (...args: string[]) =>
        promisify(execFile)(process.execPath, ['--import', 'tsx', ...args], { env });
      const seeded = await run('scripts/seed.ts', '--users', '5', '--conversations', '1', '--messages', '1');
      expect(seeded.stderr).toMatch(/^Raise the replication factor[^\n]*\n$/);
      const walked = await run('scripts/verify.ts', '--settle', '1', '--repair');
      expect(walked.stdout).toMatch(/0 findings are left/);
    });

    test('the service cannot migrate', async () => {
      await expect(migrateAs('messenger_service')).rejects.toMatchObject({
        code: types.responseErrorCodes.unauthorized,
      });
    });
  });

  describe('on a node that requires client certificates', () => {
    /** The first warning about an unreachable Cassandra from a service with other settings. */
    const complaint = async (changed: Record<string, string>): Promise<unknown> => {
      const { said } = startProcess({ ...environmentOf('messenger_service'), ...changed });
      return said(/^Cassandra is not reachable yet/);
    };

    test('a client without one cannot connect', async () => {
      expect(await complaint({ CASSANDRA_TLS_CERT: '', CASSANDRA_TLS_KEY: '' })).toMatchObject({
        err: { message: expect.stringContaining('alert certificate required') as string },
      });
    });

    test('a client with an unknown one cannot connect', async () => {
      const [CASSANDRA_TLS_CERT, CASSANDRA_TLS_KEY] = ['stranger.pem', 'stranger.key'].map((name) =>
        join(folder, name),
      ) as [string, string];
      expect(await complaint({ CASSANDRA_TLS_CERT, CASSANDRA_TLS_KEY })).toMatchObject({
        err: { message: expect.stringMatching(/SSL.* alert/) as string },
      });
    });
  });
});
