import { createServer } from 'node:http';
import { makeClient } from '../../src/adapters/cassandra/connect.ts';
import { readConfig } from '../../src/composition/config.ts';
import { serve } from '../bare-http.ts';
import { makeBaseline } from './baseline.ts';

/** The baseline as a process. It reads the same environment variables as the service. */
const client = makeClient(readConfig(process.env, () => '').cassandra);
await client.connect();
serve(createServer(makeBaseline(client)));
