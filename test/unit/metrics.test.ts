import { describe, expect, test } from 'vitest';
import { makeMetrics, type MetricsSources } from '../../src/adapters/prometheus/metrics.ts';
import type { CompletedRequest } from '../../src/application/ports/telemetry.ts';

const REQUEST: CompletedRequest = {
  method: 'GET',
  route: '/api/users/{user_id}',
  status: 200,
  milliseconds: 3,
  replayed: false,
};

function open(watched: Partial<MetricsSources> = {}) {
  const { telemetry, text } = makeMetrics({
    concurrencyLimiter: () => ({ inProgress: 0, limit: 64, rejected: 0 }),
    pools: null,
    clock: null,
    eventConnections: () => ({ open: 0, limit: 10_000 }),
    brokerConnected: null,
    ...watched,
  });
  /** The lines of the text that begin with `name`, without it. */
  const lines = async (name: string): Promise<string[]> =>
    (await text())
      .split('\n')
      .filter((line) => line.startsWith(name))
      .map((line) => line.slice(name.length).trim());
  return { telemetry, text, lines };
}

describe('a request', () => {
  test('is counted by its method, its route and its status', async () => {
    const { telemetry, lines } = open();
    telemetry.requestCompleted(REQUEST);
    telemetry.requestCompleted(REQUEST);
    telemetry.requestCompleted({ ...REQUEST, status: 404 });
    telemetry.requestCompleted({ ...REQUEST, method: 'PUT' });
    telemetry.requestCompleted({ ...REQUEST, route: '/livez' });
    expect(await lines('http_server_request_duration_seconds_count')).toEqual([
      '{method="GET",route="/api/users/{user_id}",status="200"} 2',
      '{method="GET",route="/api/users/{user_id}",status="404"} 1',
      '{method="PUT",route="/api/users/{user_id}",status="200"} 1',
      '{method="GET",route="/livez",status="200"} 1',
    ]);
  });

  test('without a route is counted without a route, for any path', async () => {
    const { telemetry, lines } = open();
    telemetry.requestCompleted({ ...REQUEST, route: null, status: 404 });
    expect(await lines('http_server_request_duration_seconds_count')).toEqual([
      '{method="GET",route="none",status="404"} 1',
    ]);
  });

  test('has its duration in seconds in a cumulative histogram', async () => {
    const { telemetry, lines } = open();
    for (const milliseconds of [0, 1, 1.01, 200, 5_000, 60_000]) {
      telemetry.requestCompleted({ ...REQUEST, milliseconds });
    }
    const buckets = await lines('http_server_request_duration_seconds_bucket');
    const counts = buckets.map((line) => /le="([^"]*)".*} (\d+)$/.exec(line)?.slice(1));
    expect(Object.fromEntries(counts as [string, string][])).toEqual({
      '0.001': '2',
      '0.0025': '3',
      '0.005': '3',
      '0.01': '3',
      '0.025': '3',
      '0.05': '3',
      '0.1': '3',
      '0.2': '4',
      '0.3': '4',
      '0.5': '4',
      '0.75': '4',
      '1': '4',
      '2.5': '4',
      '5': '5',
      '+Inf': '6',
    });
    const [sum] = await lines('http_server_request_duration_seconds_sum');
    expect(Number(sum?.split(' ').at(-1))).toBeCloseTo(65.20201, 6);
  });

  test('that is a replay is counted as a replay too', async () => {
    const { telemetry, lines } = open();
    expect(await lines('messenger_idempotency_replays_total')).toEqual(['0']);
    telemetry.requestCompleted(REQUEST);
    telemetry.requestCompleted({ ...REQUEST, replayed: true });
    expect(await lines('messenger_idempotency_replays_total')).toEqual(['1']);
  });
});

describe('a statement', () => {
  test('is counted by its name and its outcome, once it has ended', async () => {
    const { telemetry, lines } = open();
    telemetry.statementSent('SELECT users');
    telemetry.statementSent('SELECT users')('ok', 0);
    telemetry.statementSent('SELECT users')('unavailable', 0);
    telemetry.statementSent('BATCH users')('ok', 0);
    expect(await lines('cassandra_statement_duration_seconds_count')).toEqual([
      '{statement="SELECT users",outcome="ok"} 1',
      '{statement="SELECT users",outcome="unavailable"} 1',
      '{statement="BATCH users",outcome="ok"} 1',
    ]);
  });

  test('has a duration from its sending to its end', async () => {
    const { telemetry, lines } = open();
    const end = telemetry.statementSent('SELECT users');
    await new Promise((resolve) => setTimeout(resolve, 30));
    end('ok', 0);
    const [sum] = await lines('cassandra_statement_duration_seconds_sum');
    expect(Number(sum?.split(' ').at(-1))).toBeGreaterThan(0.025);
    expect(Number(sum?.split(' ').at(-1))).toBeLessThan(10);
  });

  test('counts speculative executions and retries', async () => {
    const { telemetry, lines } = open();
    telemetry.statementSent('SELECT users')('ok', 2);
    telemetry.statementSent('SELECT users')('ok', 0);
    telemetry.attemptRepeated();
    expect(await lines('cassandra_speculative_executions_total')).toEqual(['2']);
    expect(await lines('cassandra_retries_total')).toEqual(['1']);
  });
});

test('inbox pages count the rows read and the rows shown', async () => {
  const { telemetry, lines } = open();
  telemetry.inboxRead({ read: 64, shown: 20 });
  telemetry.inboxRead({ read: 0, shown: 0 });
  telemetry.inboxRead({ read: 6, shown: 1 });
  expect(await lines('messenger_inbox_rows_read_total')).toEqual(['70']);
  expect(await lines('messenger_inbox_rows_shown_total')).toEqual(['21']);
});

test('events have metrics of open streams, deliveries, lag and hints', async () => {
  const { telemetry, lines } = open();
  const end = telemetry.streamOpened(false);
  telemetry.streamOpened(true);
  telemetry.eventsDelivered(0);
  telemetry.eventsDelivered(3);
  telemetry.eventLag(40);
  telemetry.hints(2, 'sent');
  telemetry.hints(1, 'lost');
  expect(await lines('messenger_event_streams ')).toEqual(['2']);
  end('slow');
  expect(await lines('messenger_event_streams ')).toEqual(['1']);
  expect(await lines('messenger_event_streams_ended_total')).toEqual(['{reason="slow"} 1']);
  expect(await lines('messenger_event_streams_opened_total')).toEqual([
    '{resumed="false"} 1',
    '{resumed="true"} 1',
  ]);
  expect(await lines('messenger_events_delivered_total')).toEqual(['3']);
  expect(await lines('messenger_event_lag_seconds_sum')).toEqual(['0.04']);
  expect(await lines('messenger_hints_total')).toEqual(['{what="sent"} 2', '{what="lost"} 1']);
});

test('the connections that wait for events, their limit and the broker are measured on each scrape', async () => {
  let connections = 3;
  let isConnected = true;
  const { lines } = open({
    eventConnections: () => ({ open: connections, limit: 10 }),
    brokerConnected: () => isConnected,
  });
  expect(await lines('messenger_event_connections ')).toEqual(['3']);
  expect(await lines('messenger_broker_connected ')).toEqual(['1']);
  connections = 4;
  isConnected = false;
  expect(await lines('messenger_event_connections ')).toEqual(['4']);
  expect(await lines('messenger_event_connections_limit ')).toEqual(['10']);
  expect(await lines('messenger_broker_connected ')).toEqual(['0']);
});

test('without a broker there is no metric of it', async () => {
  expect(await open().lines('messenger_broker_connected')).toEqual([]);
});

test('the load is measured on each scrape', async () => {
  let state = { inProgress: 3, limit: 64, rejected: 5 };
  const { lines } = open({ concurrencyLimiter: () => state });
  await lines('');
  state = { inProgress: 2, limit: 32, rejected: 7 };
  expect(await lines('messenger_requests_in_progress')).toEqual(['2']);
  expect(await lines('messenger_requests_limit')).toEqual(['32']);
  expect(await lines('messenger_requests_rejected_total')).toEqual(['7']);
});

describe('the nodes of storage', () => {
  test('each have a metric until they are gone', async () => {
    let pools = [
      { node: '10.0.0.1:9042', connections: 2, inFlight: 7 },
      { node: '10.0.0.2:9042', connections: 1, inFlight: 0 },
    ];
    const { lines } = open({ pools: () => pools });
    expect(await lines('cassandra_connected_nodes')).toEqual(['2']);
    pools = pools.slice(0, 1);
    expect(await lines('cassandra_connected_nodes')).toEqual(['1']);
    expect(await lines('cassandra_pool_connections')).toEqual(['{node="10.0.0.1:9042"} 2']);
    expect(await lines('cassandra_pool_in_flight')).toEqual(['{node="10.0.0.1:9042"} 7']);
    pools = [];
    expect(await lines('cassandra_connected_nodes')).toEqual(['0']);
    expect(await lines('cassandra_pool_')).toEqual([]);
  });

  test('have no metric if there are none', async () => {
    expect(await open().lines('cassandra_connected_nodes')).toEqual([]);
  });
});

test('the process and its event loop have metrics', async () => {
  const { lines } = open();
  const [resident] = await lines('process_resident_memory_bytes');
  expect(Number(resident)).toBeGreaterThan(1_000_000);
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds']) {
    expect(await lines(name)).toHaveLength(1);
  }
});

test('two services in one process have separate metrics', async () => {
  const [one, other] = [open(), open()];
  one.telemetry.attemptRepeated();
  expect(await one.lines('cassandra_retries_total')).toEqual(['1']);
  expect(await other.lines('cassandra_retries_total')).toEqual(['0']);
});

describe('the clock', () => {
  test('is measured on each scrape', async () => {
    let state = { verified: false, offsetSeconds: null as number | null };
    const { lines } = open({ clock: () => state });
    expect(await lines('messenger_clock_verified ')).toEqual(['0']);
    expect(await lines('messenger_clock_offset_seconds ')).toEqual(['Nan']);
    state = { verified: true, offsetSeconds: -0.25 };
    expect(await lines('messenger_clock_verified ')).toEqual(['1']);
    expect(await lines('messenger_clock_offset_seconds ')).toEqual(['-0.25']);
  });

  test('has no metric if it is not compared with nodes', async () => {
    expect((await open().text()).includes('messenger_clock')).toBe(false);
  });
});
