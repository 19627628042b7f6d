import process from 'node:process';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import { standaloneProblem } from '../../src/adapters/http/problems.ts';
import { EventStreams } from '../../src/adapters/http/event-streams.ts';
import { makeMemoryHints } from '../../src/adapters/memory/hints.ts';
import { makeMemoryStorage } from '../../src/adapters/memory/storage.ts';
import { openTracing } from '../../src/adapters/opentelemetry/tracing.ts';
import { openProcessLog } from '../../src/adapters/pino/process-log.ts';
import { makeMetrics } from '../../src/adapters/prometheus/metrics.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { docsAssets } from '../../src/adapters/system/docs-assets.ts';
import { openHttpServer } from '../../src/adapters/servers/node-server.ts';
import { lingeringClose } from '../../src/adapters/servers/lingering-close.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { ALWAYS_VERIFIED } from '../../src/application/ports/clock-check.ts';
import { combineTelemetry, NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import { readConfig } from '../../src/composition/config.ts';
import { buildContainer } from '../../src/composition/container.ts';
import { memoryOptionsOf } from '../../src/composition/memory-options.ts';
import { coalescing } from './coalescing.ts';

/*
 * The service, assembled with only the optional parts listed in PARTS. The benchmark compares it with and without each
 * part.
 */

const PARTS = new Set((process.env['PARTS'] ?? '').split(','));
const config = readConfig(process.env, () => '');
const build = { version: 'bench', commit: null };
const clock = makeClock();
const messageIds = makeMessageIds({ clock });

const level = PARTS.has('logs') ? 'info' : 'silent';
const { log } = await openProcessLog({ level, format: 'json', build });
const tracing = PARTS.has('traces')
  ? await openTracing({ sampling: { sampler: 'parentbased_always_on', ratio: 1 }, build, log })
  : null;
const metrics = PARTS.has('metrics')
  ? makeMetrics({
      concurrencyLimiter: () => resolve('concurrencyLimiter').state(),
      pools: null,
      clock: null,
    })
  : null;
const counted = metrics?.telemetry ?? NOOP_TELEMETRY;
const telemetry =
  tracing === null
    ? counted
    : combineTelemetry(counted, { ...NOOP_TELEMETRY, statementSent: tracing.statementSent });

const cassandra =
  config.storage === 'cassandra'
    ? openCassandraStorage({ options: config.cassandra, clock, messageIds, log, telemetry })
    : null;
await cassandra?.started;
const plain = cassandra ?? makeMemoryStorage({ clock, messageIds, ...memoryOptionsOf(config) });
const storage = PARTS.has('coalescing') ? { ...plain, messages: coalescing(plain.messages) } : plain;

const { resolve } = buildContainer({
  storage,
  clock,
  clockCheck: ALWAYS_VERIFIED,
  messageIds,
  telemetry,
  tracing,
  metrics,
  log,
  pseudonymize: null,
  build,
  docsAssets,
  webAssets: null,
  publicPath: config.publicPath,
  accessPolicy: ALLOW_ALL,
  hints: makeMemoryHints(),
  pollIntervalMs: 15_000,
  visibilityWindow: 12_000_000,
  streams: new EventStreams(),
  requestTimeoutMs: config.requestTimeoutMs,
  maxRequestsInFlight: config.maxRequestsInFlight,
});
const app = resolve('app');
const server = await openHttpServer({
  fetch: lingeringClose((request, peer) => app.fetch(request, peer)),
  refuse: standaloneProblem,
  host: config.host,
  port: config.port,
});
process.stdout.write(`Ready at ${server.url}\n`);
