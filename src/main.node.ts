import { bareProblem } from './adapters/http/problems.ts';
import { openHttpServer } from './adapters/system/http-server.ts';
import { runProcess } from './composition/process.ts';

await runProcess((needs) => openHttpServer({ ...needs, refuse: bareProblem }));
