import { readdirSync } from 'node:fs';
import process from 'node:process';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ConcurrencyState } from '../../application/concurrency-limiter.ts';
import type { Telemetry } from '../../application/ports/telemetry.ts';

/** The metrics of the service in Prometheus format. */
export interface Metrics {
  /** Updates the metrics. */
  readonly telemetry: Telemetry;
  /** Counts a request that the HTTP server rejected. `reason` is from a closed list. */
  readonly requestRejected: (reason: string) => void;
  /** The current values of all metrics, in the format of `contentType`. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/** Sources that are read only when the metrics are scraped. */
export interface MetricsSources {
  readonly concurrencyLimiter: () => ConcurrencyState;
  /** The connection pool of each node that storage is connected to; null if storage has no nodes. */
  readonly pools:
    | (() => readonly {
        readonly node: string;
        readonly connections: number;
        readonly inFlight: number;
      }[])
    | null;
  /** The comparison of this host's clock with those of the storage nodes; null if it is not compared. */
  readonly clock: (() => { readonly verified: boolean; readonly offsetSeconds: number | null } | null) | null;
  /** The open event streams and waiting polls, and their limit. */
  readonly eventConnections: () => { readonly open: number; readonly limit: number };
  /** Whether the broker of hints is connected; null if hints are not sent to other processes. */
  readonly brokerConnected: (() => boolean) | null;
}

/** Makes metrics in a separate registry, so that one process can have several services. */
export function makeMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const { contentType } = registry;
  addProcessMetrics(registry);
  addConcurrencyMetrics(registry, sources.concurrencyLimiter);
  if (sources.pools !== null) addPoolMetrics(registry, sources.pools);
  if (sources.clock !== null) addClockMetrics(registry, sources.clock);
  addEventMetrics(registry, sources);
  const rejections = new Counter({
    name: 'http_server_rejected_requests_total',
    help: 'Requests that the HTTP server rejected before routing, as malformed, too slow or too large.',
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

/** Upper bounds of durations, in seconds: from the time of a request in memory to the maximum time of a request. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5];

function telemetryFor(registry: Registry): Telemetry {
  const registers = [registry];
  const requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the arrival of a request to its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers,
  });
  const statements = new Histogram({
    name: 'cassandra_statement_duration_seconds',
    help: 'Time from sending a statement to its result, including retries and speculative executions.',
    labelNames: ['statement', 'outcome'],
    buckets: BUCKETS,
    registers,
  });
  const speculations = new Counter({
    name: 'cassandra_speculative_executions_total',
    help: 'Statements sent to a further node because the previous one was slow.',
    registers,
  });
  const retries = new Counter({
    name: 'cassandra_retries_total',
    help: 'Failed attempts at a statement that were retried.',
    registers,
  });
  const replays = new Counter({
    name: 'messenger_idempotency_replays_total',
    help: 'Requests answered with the result of an earlier request with the same idempotency key.',
    registers,
  });
  const inboxRows = new Counter({
    name: 'messenger_inbox_rows_read_total',
    help: 'Rows of event logs and inboxes read for inbox pages.',
    registers,
  });
  const shownRows = new Counter({
    name: 'messenger_inbox_rows_shown_total',
    help: 'Conversations shown on inbox pages.',
    registers,
  });

  const openStreams = new Gauge({
    name: 'messenger_event_streams',
    help: 'Event streams that are open.',
    registers,
  });
  const openedStreams = new Counter({
    name: 'messenger_event_streams_opened_total',
    help: 'Event streams that were opened: new ones, and those resumed with a cursor.',
    labelNames: ['resumed'],
    registers,
  });
  const endedStreams = new Counter({
    name: 'messenger_event_streams_ended_total',
    help: 'Event streams that ended, by reason. A slow client did not read in time, and was disconnected.',
    labelNames: ['reason'],
    registers,
  });
  const deliveredEvents = new Counter({
    name: 'messenger_events_delivered_total',
    help: 'Events delivered to clients, by streams and by polls.',
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
    help: 'Hints of new events: sent to other processes, received from them, or lost because there was no broker.',
    labelNames: ['what'],
    registers,
  });

  return {
    requestCompleted({ method, route, status, milliseconds, replayed }) {
      requests.observe({ method, route: route ?? NO_ROUTE, status }, milliseconds / 1_000);
      if (replayed) replays.inc();
    },

    statementSent(statement) {
      const startedAt = performance.now();
      return (outcome, speculated) => {
        statements.observe({ statement, outcome }, (performance.now() - startedAt) / 1_000);
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
      return (reason) => {
        openStreams.dec();
        endedStreams.inc({ reason });
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

/** The `route` label of requests that match no route. */
const NO_ROUTE = 'none';

function addConcurrencyMetrics(registry: Registry, state: MetricsSources['concurrencyLimiter']): void {
  const registers = [registry];
  new Gauge({
    name: 'messenger_requests_in_progress',
    help: 'Requests in progress at storage.',
    registers,
    collect() {
      this.set(state().inProgress);
    },
  });
  new Gauge({
    name: 'messenger_requests_limit',
    help: 'Limit of requests in progress, adapted to the capacity of storage.',
    registers,
    collect() {
      this.set(state().limit);
    },
  });
  new Counter({
    name: 'messenger_requests_rejected_total',
    help: 'Requests rejected because the limit of requests in progress, or a share of it, was reached.',
    registers,
    collect() {
      this.reset();
      this.inc(state().rejected);
    },
  });
}

function addPoolMetrics(registry: Registry, pools: NonNullable<MetricsSources['pools']>): void {
  const registers = [registry];
  const labelNames = ['node'] as const;
  // A separate metric, because the metrics by node have no values without a connected node.
  new Gauge({
    name: 'cassandra_connected_nodes',
    help: 'Nodes to which this process is connected.',
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
    help: 'Statements in flight to a node.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { node, inFlight } of pools()) this.set({ node }, inFlight);
    },
  });
}

function addClockMetrics(registry: Registry, clock: NonNullable<MetricsSources['clock']>): void {
  const registers = [registry];
  new Gauge({
    name: 'messenger_clock_verified',
    help: "1 if this host's clock agrees with those of most Cassandra nodes; otherwise 0, and writes are refused.",
    registers,
    collect() {
      this.set(clock()?.verified === true ? 1 : 0);
    },
  });
  new Gauge({
    name: 'messenger_clock_offset_seconds',
    help: "Offset of the clocks of most Cassandra nodes from this host's at the last measurement.",
    registers,
    collect() {
      this.set(clock()?.offsetSeconds ?? NaN);
    },
  });
}

function addEventMetrics(
  registry: Registry,
  { eventConnections, brokerConnected }: Pick<MetricsSources, 'eventConnections' | 'brokerConnected'>,
): void {
  const registers = [registry];
  new Gauge({
    name: 'messenger_event_connections',
    help: 'Event streams that are open, and polls that wait for events.',
    registers,
    collect() {
      this.set(eventConnections().open);
    },
  });
  new Gauge({
    name: 'messenger_event_connections_limit',
    help: 'Limit of open event streams and waiting polls.',
    registers,
    collect() {
      this.set(eventConnections().limit);
    },
  });
  if (brokerConnected === null) return;
  new Gauge({
    name: 'messenger_broker_connected',
    help: '1 if this process is connected to the broker of hints; otherwise 0, and events of other processes are late.',
    registers,
    collect() {
      this.set(brokerConnected() ? 1 : 0);
    },
  });
}

/** Metrics of prom-client that are removed, because each iterates over all open sockets. */
const HANDLE_METRICS = ['resources', 'handles', 'requests'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

/** Metrics that prom-client reads from /proc. */
const PROC_METRICS = [
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_heap_bytes',
  'process_open_fds',
];

/** Adds prom-client's metrics of the process, the event loop and the garbage collector, if this host has them. */
function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of HANDLE_METRICS) registry.removeSingleMetric(name);
  if (isReadable('/proc/self/fd')) return;
  // Without access to /proc, as on Deno, these metrics would always be 0.
  for (const name of PROC_METRICS) registry.removeSingleMetric(name);
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
