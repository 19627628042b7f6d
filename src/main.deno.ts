import { openDenoServer } from './adapters/servers/deno-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess(openDenoServer);
