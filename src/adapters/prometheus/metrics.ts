import { readdirSync } from 'node:fs';
import process from 'node:process';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ConcurrencyState } from '../../application/concurrency-limiter.ts';
import type { AnsweredRequest, StatementOutcome, Telemetry } from '../../application/ports/telemetry.ts';
import { DurationHistogram, type Durations } from './durations.ts';

/** What is counted and measured, for Prometheus to read. */
export interface Metrics {
  /** What is told here is counted. */
  readonly telemetry: Telemetry;
  /** Counts a request that the host's server rejected, by a name out of a closed list. */
  readonly requestRejected: (why: string) => void;
  /** All of it as it is now, and the type of that text. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/** What is looked at only when somebody asks for the text. */
export interface MetricsSources {
  readonly concurrencyLimiter: () => ConcurrencyState;
  /** What is open to each node that storage is connected to; null where storage has no nodes. */
  readonly pools:
    | (() => readonly {
        readonly node: string;
        readonly connections: number;
        readonly inFlight: number;
      }[])
    | null;
  /** How this host's clock compares with those of the storage's nodes; null where it is compared with none. */
  readonly clock: (() => { readonly verified: boolean; readonly offsetSeconds: number | null } | null) | null;
}

/** Metrics of their own, so that several services can be in one process. */
export function makeMetrics(watched: MetricsSources): Metrics {
  const registry = new Registry();
  const { contentType } = registry;
  watchProcess(registry);
  watchAdmission(registry, watched.concurrencyLimiter);
  if (watched.pools !== null) watchPools(registry, watched.pools);
  if (watched.clock !== null) watchClock(registry, watched.clock);
  const rejections = new Counter({
    name: 'http_server_rejected_requests_total',
    help: 'Requests that the server rejected before the service saw them, as malformed, too slow or too large.',
    labelNames: ['reason'],
    registers: [registry],
  });
  return {
    telemetry: telemetryFor(registry),
    requestRejected: (reason) => {
      rejections.inc({ reason });
    },
    text: () => registry.metrics(),
    contentType,
  };
}

function telemetryFor(registry: Registry): Telemetry {
  const registers = [registry];
  const requests = new DurationHistogram<'method' | 'route' | 'status'>({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the arrival of a request to its answer.',
  });
  const statements = new DurationHistogram<'statement' | 'outcome'>({
    name: 'cassandra_statement_duration_seconds',
    help: 'Time from sending a statement to its end, with its retries and speculative executions.',
  });
  registry.registerMetric(requests.metric);
  registry.registerMetric(statements.metric);
  const speculations = new Counter({
    name: 'cassandra_speculative_executions_total',
    help: 'Times that a further node was asked because the one before it was slow.',
    registers,
  });
  const retries = new Counter({
    name: 'cassandra_retries_total',
    help: 'Attempts at a statement that failed and were made again.',
    registers,
  });
  const replays = new Counter({
    name: 'messenger_idempotency_replays_total',
    help: 'Requests that were answered as an earlier one with the same idempotency key was.',
    registers,
  });
  const inboxRows = new Counter({
    name: 'messenger_inbox_rows_read_total',
    help: 'Rows of event logs and inboxes read for the pages of inboxes.',
    registers,
  });
  const shownRows = new Counter({
    name: 'messenger_inbox_rows_shown_total',
    help: 'Conversations that the pages of inboxes have shown.',
    registers,
  });

  const openStreams = new Gauge({
    name: 'messenger_event_streams',
    help: 'Streams of events that are open.',
    registers,
  });
  const openedStreams = new Counter({
    name: 'messenger_event_streams_opened_total',
    help: 'Streams of events that were opened: begun anew, or resumed by a cursor.',
    labelNames: ['resumed'],
    registers,
  });
  const deliveredEvents = new Counter({
    name: 'messenger_events_delivered_total',
    help: 'Events that were given to clients, by streams and by polls.',
    registers,
  });
  const lags = new Histogram({
    name: 'messenger_event_lag_seconds',
    help: 'Time from an event to its delivery on an open stream, for the newest event of each batch.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30],
    registers,
  });
  const hints = new Counter({
    name: 'messenger_hints_total',
    help: 'Hints that a user has news: sent to other processes, received from them, or lost because there was no broker.',
    labelNames: ['what'],
    registers,
  });

  const byRoute = new Map<string | null, Map<string, Map<number, Durations>>>();
  const durationsOf = ({ route, method, status }: AnsweredRequest): Durations => {
    const byMethod = reached(byRoute, route, () => new Map<string, Map<number, Durations>>());
    const byStatus = reached(byMethod, method, () => new Map<number, Durations>());
    return reached(byStatus, status, () =>
      requests.with({ method, route: route ?? NO_ROUTE, status: String(status) }),
    );
  };

  const byStatement = new Map<string, Map<StatementOutcome, Durations>>();
  return {
    requestAnswered(request) {
      durationsOf(request).add(request.milliseconds);
      if (request.replayed) replays.inc();
    },

    statementSent(statement) {
      const byOutcome = reached(byStatement, statement, () => new Map<StatementOutcome, Durations>());
      const begun = performance.now();
      return (outcome, speculated) => {
        const took = performance.now() - begun;
        reached(byOutcome, outcome, () => statements.with({ statement, outcome })).add(took);
        if (speculated > 0) speculations.inc(speculated);
      };
    },

    attemptRepeated() {
      retries.inc();
    },

    inboxRead({ read, shown }) {
      inboxRows.inc(read);
      shownRows.inc(shown);
    },

    streamOpened(resumed) {
      openedStreams.inc({ resumed: String(resumed) });
      openStreams.inc();
      return () => {
        openStreams.dec();
      };
    },

    eventsDelivered(count) {
      if (count > 0) deliveredEvents.inc(count);
    },

    eventLag(milliseconds) {
      lags.observe(milliseconds / 1_000);
    },

    hints(count, what) {
      hints.inc({ what }, count);
    },
  };
}

/** What is at `key`, and was made there the first time. */
function reached<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** The route of what no route took. */
const NO_ROUTE = 'none';

function watchAdmission(registry: Registry, state: MetricsSources['concurrencyLimiter']): void {
  const registers = [registry];
  new Gauge({
    name: 'messenger_requests_in_progress',
    help: 'Requests that storage works on.',
    registers,
    collect() {
      this.set(state().inProgress);
    },
  });
  new Gauge({
    name: 'messenger_requests_limit',
    help: 'How many may be in progress: as many as storage takes.',
    registers,
    collect() {
      this.set(state().limit);
    },
  });
  new Counter({
    name: 'messenger_requests_rejected_total',
    help: 'Questions that found no room.',
    registers,
    collect() {
      this.reset();
      this.inc(state().rejected);
    },
  });
}

function watchPools(registry: Registry, pools: NonNullable<MetricsSources['pools']>): void {
  const registers = [registry];
  const labelNames = ['node'] as const;
  // Its own metric, because of no node there is nothing with a label.
  new Gauge({
    name: 'cassandra_connected_nodes',
    help: 'Nodes that this process has a connection to.',
    registers,
    collect() {
      this.set(pools().length);
    },
  });
  new Gauge({
    name: 'cassandra_pool_connections',
    help: 'Connections to a node.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { node, connections } of pools()) this.set({ node }, connections);
    },
  });
  new Gauge({
    name: 'cassandra_pool_in_flight',
    help: 'Statements on their way at a node.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { node, inFlight } of pools()) this.set({ node }, inFlight);
    },
  });
}

function watchClock(registry: Registry, clock: NonNullable<MetricsSources['clock']>): void {
  const registers = [registry];
  new Gauge({
    name: 'messenger_clock_verified',
    help: "Whether this host's clock agrees with those of most Cassandra nodes; otherwise writes are refused.",
    registers,
    collect() {
      this.set(clock()?.verified === true ? 1 : 0);
    },
  });
  new Gauge({
    name: 'messenger_clock_offset_seconds',
    help: "What the clocks of most Cassandra nodes showed beyond this host's at the last measurement.",
    registers,
    collect() {
      this.set(clock()?.offsetSeconds ?? NaN);
    },
  });
}

/** Each asks for every open socket, one by one. */
const OF_HANDLES = ['resources', 'handles', 'requests'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

/** What prom-client reads from /proc. */
const OF_PROC = [
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_heap_bytes',
  'process_open_fds',
];

/** What prom-client knows of the process, its event loop and its collector, as far as this host tells. */
function watchProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of OF_HANDLES) registry.removeSingleMetric(name);
  if (isReadable('/proc/self/fd')) return;
  // On Deno, for one. They would stand at 0 for ever.
  for (const name of OF_PROC) registry.removeSingleMetric(name);
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage().rss);
    },
  });
}

function isReadable(folder: string): boolean {
  try {
    readdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
