import { openHttpServer } from './adapters/servers/node-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess(openHttpServer);
