import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { installTraced } from '../test/runtimes/traces.ts';
import { besideTable, pairedBenchmark, QUICK_PACE, type PairedBenchmark } from './paired-benchmark.ts';
import { fill, memoryWorkloads } from './memory-workloads.ts';
import type { Host } from './processes.ts';
import type { Section } from './report/section.ts';
import { spread } from './report/format.ts';
import type { BenchEnvironment } from './environment.ts';

const CLIENTS = 16;

/** The test runtimes, which include Node 24, support only Linux on x64. */
const isForRuntimes = process.platform === 'linux' && process.arch === 'x64';

/** The cost of logs, metrics and traces: the service with each of them compared with the service without. */
export async function watched(bench: BenchEnvironment): Promise<Section> {
  // The OpenTelemetry packages need a newer Node than the service.
  const installed = isForRuntimes && !bench.quick ? installTraced(['dist']) : null;
  const collector = await openCollector();
  const cases: { name: string; parts: string; host: Host }[] = [
    ...(bench.quick
      ? []
      : [
          { name: 'access log', parts: 'logs', host: {} },
          { name: 'metrics', parts: 'metrics', host: {} },
        ]),
    { name: 'both (the default)', parts: 'logs,metrics', host: {} },
    ...(installed === null
      ? []
      : [
          {
            name: 'both, and a trace for each request (Node 24)',
            parts: 'logs,metrics,traces',
            host: installed,
          },
        ]),
  ];
  const { before, mixed } = memoryWorkloads();
  const generator = bench.startGenerator();
  const results: { name: string; benchmark: PairedBenchmark }[] = [];
  try {
    for (const { name, parts, host } of cases) {
      const environment = { STORAGE: 'memory', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
      const seen = await bench.startServer('variant', { ...environment, PARTS: parts }, host);
      const unseen = await bench.startServer('variant', { ...environment, PARTS: '' }, host);
      for (const { url } of [seen, unseen]) await fill(generator, url, before);
      const [result] = await pairedBenchmark({
        generator,
        one: { url: seen.url, requests: mixed },
        other: { url: unseen.url, requests: mixed },
        clients: [CLIENTS],
        pace: bench.quick ? QUICK_PACE : { rounds: 7, milliseconds: 600, warmUpMs: 2_400 },
      });
      results.push({ name, benchmark: result! });
      bench.say(`${name}: ${spread(result!.throughput)} of the service without`);
      await Promise.all([seen.stop(), unseen.stop()]);
    }
  } finally {
    collector.close();
    installed?.remove();
  }
  return {
    title: 'Cost of logs, metrics and traces',
    about:
      `The mixed load in memory, where telemetry costs most, by ${CLIENTS} clients: the service with some telemetry ` +
      'compared with the service without telemetry. Every request is traced; the traces go to a collector ' +
      `that discards them${installed === null ? '; without traces here: a quick run, or Node 24 is not available' : ''}.`,
    tables: [besideTable('with', 'without', results)],
    goals: [],
    bars: [],
    figures: results,
  };
}

/** Accepts all requests and discards them. */
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
