import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { installTraced } from '../test/runtimes/traces.ts';
import { besideTable, duel, QUICKLY, type Duel } from './duel.ts';
import { fill, memoryWorkloads } from './memory-workloads.ts';
import type { Host } from './processes.ts';
import type { Section } from './report/section.ts';
import { spread } from './report/words.ts';
import type { Stage } from './stage.ts';

const CLIENTS = 16;

/** The runtimes of the tests, of which Node 24 is one, are for Linux on x64. */
const isForRuntimes = process.platform === 'linux' && process.arch === 'x64';

/** What logs, metrics and traces cost: the service with each beside the service with none of them. */
export async function watched(stage: Stage): Promise<Section> {
  // OpenTelemetry's packages need a later Node than the service.
  const installed = isForRuntimes && !stage.quick ? installTraced(['dist']) : null;
  const collector = await openCollector();
  const cases: { name: string; parts: string; host: Host }[] = [
    ...(stage.quick
      ? []
      : [
          { name: 'a line in the log for each request', parts: 'logs', host: {} },
          { name: 'metrics', parts: 'metrics', host: {} },
        ]),
    { name: 'both, as by default', parts: 'logs,metrics', host: {} },
    ...(installed === null
      ? []
      : [
          {
            name: 'both, and a trace of each request (Node 24)',
            parts: 'logs,metrics,traces',
            host: installed,
          },
        ]),
  ];
  const { before, mixed } = memoryWorkloads();
  const generator = stage.startGenerator();
  const results: { name: string; duel: Duel }[] = [];
  try {
    for (const { name, parts, host } of cases) {
      const environment = { STORAGE: 'memory', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
      const seen = await stage.startServer('variant', { ...environment, PARTS: parts }, host);
      const unseen = await stage.startServer('variant', { ...environment, PARTS: '' }, host);
      for (const { url } of [seen, unseen]) await fill(generator, url, before);
      const [result] = await duel({
        generator,
        one: { url: seen.url, requests: mixed },
        other: { url: unseen.url, requests: mixed },
        clients: [CLIENTS],
        pace: stage.quick ? QUICKLY : { rounds: 7, milliseconds: 600, warmUpMs: 2_400 },
      });
      results.push({ name, duel: result! });
      stage.say(`${name}: ${spread(result!.throughput)} of the service without`);
      await Promise.all([seen.stop(), unseen.stop()]);
    }
  } finally {
    collector.close();
    installed?.remove();
  }
  return {
    title: 'What it costs to be watched',
    about:
      `The mixed load in memory, which is where it weighs most, by ${CLIENTS} clients: the service with a part of what ` +
      'it shows of itself, beside the service with none of it. Traces are of every request, and go to a collector ' +
      `that throws them away${installed === null ? '; they are left out in a quick run, and where Node 24 can’t be had' : ''}.`,
    tables: [besideTable('with', 'without', results)],
    goals: [],
    bars: [],
    figures: results,
  };
}

/** Takes what it is sent, and keeps nothing. */
async function openCollector(): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
