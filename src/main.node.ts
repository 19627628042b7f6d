import { openHttpServer } from './adapters/system/http-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess(openHttpServer);
