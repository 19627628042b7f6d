import { createServer } from 'node:http';
import { makeClient } from '../../src/adapters/cassandra/connect.ts';
import { readConfig } from '../../src/composition/config.ts';
import { serve } from '../bare-http.ts';
import { makeFloor } from './floor.ts';

/** The floor as a process: the environment is the service's. */
const client = makeClient(readConfig(process.env, () => '').cassandra);
await client.connect();
serve(createServer(makeFloor(client)));
