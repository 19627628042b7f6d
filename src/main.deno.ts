import { openDenoServer } from './adapters/system/deno-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess(openDenoServer);
