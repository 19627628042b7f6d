import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { serve } from '../bare-http.ts';
import { makeMemoryFloor } from './memory-floor.ts';

/** The floor of memory storage as a process, over the same adapter to node:http as the service. */
serve(createAdaptorServer({ fetch: makeMemoryFloor().fetch }) as Server);
