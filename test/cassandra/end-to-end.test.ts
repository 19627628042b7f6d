import { afterAll, beforeAll } from 'vitest';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { standaloneProblem } from '../../src/adapters/http/problems.ts';
import { openHttpServer } from '../../src/adapters/servers/node-server.ts';
import type { HttpServer } from '../../src/adapters/servers/server.ts';
import { ORIGIN, type Fetch } from '../http/client.ts';
import { accessContract, routeAccessContract } from '../http/contract/access.ts';
import { httpContracts } from '../http/contract/contracts.ts';
import { guarded, openGuardedApp, type Guarded } from '../http/guarded-app.ts';
import { openApp } from '../http/open-app.ts';
import { describeContract } from '../support/describe-contract.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

let storage: CassandraStorage;
let server: HttpServer;

beforeAll(async () => {
  storage = await openStorage(await freshKeyspace());
  server = await openHttpServer({
    fetch: openApp({ storage }).fetch,
    refuse: standaloneProblem,
    host: '127.0.0.1',
    port: 0,
  });
});

afterAll(async () => {
  await server.close();
  await storage.close();
});

const overPort: Fetch = (asked) =>
  fetch(new Request(asked.url.replace(ORIGIN, server.url), asked), { redirect: 'manual' });

for (const [name, contract] of Object.entries(httpContracts)) {
  describeContract<Fetch>(`${name}, over a port and on Cassandra`, contract, () => overPort);
}

describeContract<Guarded>('access, on Cassandra', { ...accessContract, ...routeAccessContract }, () => {
  const app = openGuardedApp({ storage });
  return guarded(async (request) => app.fetch(request));
});
