import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CassandraOptions } from '../src/adapters/cassandra/connect.ts';
import { openCassandraStorage } from '../src/adapters/cassandra/storage.ts';
import { standaloneProblem } from '../src/adapters/http/problems.ts';
import { makeClock } from '../src/adapters/system/clock.ts';
import { makeMessageIds } from '../src/adapters/system/message-ids.ts';
import { openHttpServer } from '../src/adapters/servers/node-server.ts';
import type { Log } from '../src/application/ports/log.ts';
import { openApp } from '../test/http/open-app.ts';
import { makeBaseline } from './baseline/baseline.ts';
import { ObservedClient } from './work.ts';

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A server in this process whose database work is recorded. */
export interface ObservedServer {
  readonly url: string;
  readonly client: ObservedClient;
  close(): Promise<void>;
}

/** The messenger with recorded database work. */
export async function observedService(options: CassandraOptions): Promise<ObservedServer> {
  const client = new ObservedClient(options);
  const clock = makeClock();
  const storage = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: SILENT,
    client,
  });
  await storage.started;
  const { fetch } = openApp({ storage, requestTimeoutMs: options.requestTimeoutMs });
  const server = await openHttpServer({ fetch, refuse: standaloneProblem, host: '127.0.0.1', port: 0 });
  return {
    url: server.url,
    client,
    async close() {
      await server.close();
      await storage.close();
    },
  };
}

/** The baseline with recorded database work. */
export async function observedBaseline(options: CassandraOptions): Promise<ObservedServer> {
  const client = new ObservedClient(options);
  await client.connect();
  const server = createServer(makeBaseline(client)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    client,
    async close() {
      server.closeAllConnections();
      server.close();
      await client.shutdown();
    },
  };
}
