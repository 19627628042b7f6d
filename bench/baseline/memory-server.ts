import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { serve } from '../bare-http.ts';
import { makeMemoryBaseline } from './memory-baseline.ts';

/** The memory baseline as a process. It uses the same node:http adapter as the service. */
serve(createAdaptorServer({ fetch: makeMemoryBaseline().fetch }) as Server);
