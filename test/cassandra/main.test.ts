import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import { freshUsers } from '../contracts/fixtures.ts';
import { beginSend, startProcess } from '../support/service-process.ts';
import { freshKeyspace, openStorage, optionsFor } from './cluster.ts';

function environmentOf({ contactPoints, localDatacenter, keyspace }: CassandraOptions) {
  return {
    PORT: '0',
    STORAGE: 'cassandra',
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_LOCAL_DATACENTER: localDatacenter,
    CASSANDRA_KEYSPACE: keyspace,
    REQUEST_TIMEOUT_MS: '20000',
  };
}

test('the service is ready when it has checked its schema, and stores a send in progress on SIGTERM', async () => {
  const options = await freshKeyspace();
  const { child, said, url, ended } = startProcess(environmentOf(options));
  await said(/^Ready at /);
  const [ada, ben] = freshUsers();
  const { finish } = await beginSend(await url(), { sender_id: ada, receiver_id: ben, content: 'Hello' });
  child.kill('SIGTERM');
  await said(/^SIGTERM/);
  expect((await finish()).statusCode).toBe(201);
  expect(await ended).toMatchObject({ code: 0, errors: '' });

  const storage = await openStorage(options);
  const slice = { before: null, offset: 0, limit: 2 };
  const kept = await storage.messages.listBefore(conversationIdOf(participantsOf(ada, ben)), slice);
  await storage.close();
  expect(kept.map(({ content }) => content)).toEqual(['Hello']);
});

describe('the service exits at once and reports what to change', () => {
  test.each<[string, (env: ReturnType<typeof environmentOf>) => Record<string, string>, string]>([
    ['without its keyspace', (env) => env, 'npm run migrate'],
    [
      'in an unknown datacenter',
      (env) => ({ ...env, CASSANDRA_LOCAL_DATACENTER: 'nowhere' }),
      'CASSANDRA_LOCAL_DATACENTER',
    ],
  ])('%s', async (_, change, remedy) => {
    const env = environmentOf(optionsFor(`none_${randomUUID().slice(0, 8)}`));
    const { code, lines, errors } = await startProcess(change(env)).ended;
    expect(code).toBe(1);
    expect(errors).toBe('');
    expect(lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: expect.stringContaining(remedy) as string,
    });
  });
});
