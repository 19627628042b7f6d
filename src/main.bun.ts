import { openBunServer } from './adapters/servers/bun-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess(openBunServer);
