import { openBunServer } from './adapters/system/bun-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess(openBunServer);
