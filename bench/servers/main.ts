import { createServer, type Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { makeClient } from '../../src/adapters/cassandra/connect.ts';
import { readConfig } from '../../src/composition/config.ts';
import { bareHttp, serve } from './bare-http.ts';
import { baselineAnswers } from './baseline.ts';
import { bareHono, memoryAnswers } from './memory.ts';
import { naiveAnswers } from './naive.ts';

/* The servers that the service is compared with. They read the same environment variables. */

async function cassandraClient() {
  const client = makeClient(readConfig(process.env, () => '').cassandra);
  await client.connect();
  return client;
}

const SERVERS: Readonly<Record<string, () => Promise<Server>>> = {
  baseline: async () => createServer(bareHttp(baselineAnswers(await cassandraClient()))),
  naive: async () => createServer(bareHttp(naiveAnswers(await cassandraClient()))),
  hono: () => Promise.resolve(createAdaptorServer({ fetch: bareHono(memoryAnswers()).fetch }) as Server),
  node: () => Promise.resolve(createServer(bareHttp(memoryAnswers()))),
};

serve(await SERVERS[process.argv[2] ?? '']!());
