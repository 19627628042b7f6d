import { createServer } from 'node:http';
import { makeClient } from '../../src/adapters/cassandra/connect.ts';
import { readConfig } from '../../src/composition/config.ts';
import { serve } from '../bare-http.ts';
import { makeUsual } from './usual.ts';

/** The usual design as a process: the environment is the service's. */
const client = makeClient(readConfig(process.env, () => '').cassandra);
await client.connect();
serve(createServer(makeUsual(client)));
