import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { onTestFinished, test } from 'vitest';
import { createClient, createStore, type InboxEntry, type Message } from '../../client/src/index.ts';
import { until } from '../client/checks.ts';
import { freshUser } from '../http/client.ts';
import { fastTimer, MemoryStorage } from '../support/client-fakes.ts';
import { startProcess, type ServiceProcess } from '../support/service-process.ts';
import { freshKeyspace } from './cluster.ts';

const CLIENTS = 10;
const MESSAGES_EACH = 20;
const RESTARTS = 2;

/** Every so many-th response is lost, after the service has begun to send it. */
const LOSS_INTERVAL = 6;

/** Half the pauses of the client, whose limit on silence stays above the interval of heartbeats. */
const timer = fastTimer(2);

/** A proxy in front of the port `target`, which may change. It loses responses until that is turned off. */
async function openProxy(target: () => number) {
  let isLossy = true;
  let responses = 0;
  let lost = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const service = connect(target(), '127.0.0.1');
    for (const socket of [client, service]) {
      sockets.add(socket);
      // A connection that breaks is the purpose.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        service.destroy();
        sockets.delete(socket);
      });
    }
    client.pipe(service);
    service.on('data', (bytes) => {
      responses += 1;
      if (isLossy && responses % LOSS_INTERVAL === 0) {
        lost += 1;
        client.destroy();
      } else client.write(bytes);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: () => lost,
    heal: () => void (isLossy = false),
  };
}

async function all<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of list) items.push(item);
  return items;
}

test('each message is there once and each store is right, after lost responses and killed services', async () => {
  const { contactPoints, localDatacenter, keyspace } = await freshKeyspace();
  let url = '';
  const start = async (): Promise<ServiceProcess> => {
    const started = startProcess({
      PORT: '0',
      STORAGE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      CASSANDRA_LOCAL_DATACENTER: localDatacenter,
      CASSANDRA_KEYSPACE: keyspace,
      REQUEST_TIMEOUT_MS: '20000',
    });
    url = await started.url();
    await started.said(/^Ready at /);
    return started;
  };
  let service = await start();
  const proxy = await openProxy(() => Number(new URL(url).port));

  const users = Array.from({ length: CLIENTS }, freshUser);
  const storages = users.map(() => new MemoryStorage());
  const open = (index: number) => {
    const client = createClient({
      baseUrl: proxy.url,
      userId: users[index]!,
      storage: storages[index]!,
      timer,
    });
    return { client, store: createStore(client, { timer }) };
  };
  const sessions = users.map((_, index) => open(index));
  onTestFinished(() => {
    for (const { client, store } of sessions) {
      client.close();
      store.stop();
    }
  });

  // Each writes to the others in turn, and has the conversation with the next one open.
  const contents: string[] = [];
  for (let index = 0; index < CLIENTS; index += 1) {
    for (let number = 0; number < MESSAGES_EACH; number += 1) {
      const receiverId = users[(index + 1 + (number % (CLIENTS - 1))) % CLIENTS]!;
      const content = `from ${index}, no. ${String(number).padStart(2, '0')}`;
      contents.push(content);
      sessions[index]!.client.send({ to: { receiverId }, content });
    }
  }
  const conversations = await Promise.all(
    sessions.map(({ store }, index) => store.openWith(users[(index + 1) % CLIENTS]!)),
  );

  for (let restart = 0; restart < RESTARTS; restart += 1) {
    const sending = sessions[restart]!.client;
    await new Promise<void>((resolve) => {
      sending.outbox.subscribe(({ state }) => state === 'sent' && resolve());
      if (sending.outbox.messages().length === 0) resolve();
    });
    service.child.kill('SIGKILL');
    await service.ended;
    // This client is closed, too, and continues from its storage.
    sending.close();
    sessions[restart]!.store.stop();
    const starting = start();
    const reopened = open(restart);
    sessions[restart] = reopened;
    reopened.store.open(conversations[restart]!);
    service = await starting;
  }

  await Promise.all(
    sessions.map(
      ({ client: { outbox } }) =>
        new Promise<void>((resolve) => {
          const checkEmpty = () => outbox.messages().length === 0 && resolve();
          outbox.subscribe(checkEmpty);
          checkEmpty();
        }),
    ),
  );
  assert.ok(proxy.lost() > 20, `${proxy.lost()} responses are lost`);
  proxy.heal();

  const found = new Map<string, Message>();
  for (const [index, { client, store }] of sessions.entries()) {
    const truth = createClient({ baseUrl: url, userId: users[index]! });
    const entries: InboxEntry[] = await all(truth.conversations({ unreadCounts: true }));
    const messages = (await all(truth.messages(conversations[index]!))).reverse();
    const shown = () => {
      const { inbox, open: conversation } = store.getSnapshot();
      return { entries: inbox.entries, messages: conversation?.messages };
    };
    await until(store, () => isDeepStrictEqual(shown(), { entries, messages })).catch(() => undefined);
    assert.deepEqual(shown(), { entries, messages });
    assert.deepEqual(storages[index]!.length, 0);
    assert.deepEqual(client.outbox.messages(), []);

    for (const { id } of entries) {
      const history = (await all(truth.messages(id))).reverse();
      for (const message of history) found.set(message.id, message);
      const own = history.filter(({ sender_id }) => sender_id === users[index]).map(({ content }) => content);
      assert.deepEqual(own, [...own].sort(), 'the messages of a sender are in order');
    }
  }
  assert.deepEqual([...found.values()].map(({ content }) => content).sort(), contents.sort());
});
