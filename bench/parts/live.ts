import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../scripts/local-cassandra/processes.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { natsServerMissing, startBroker } from '../../test/faults/broker.ts';
import { eventReads } from '../../test/faults/follower-figures.ts';
import { startFollower, type Follower } from '../../test/faults/follower.ts';
import { makeSendRequest } from '../../test/faults/http.ts';
import { postUntilStored, usersOf } from '../../test/faults/load.ts';
import { processorMs } from '../../test/support/processor-time.ts';
import type { Environment as Bench } from '../environment.ts';
import { load, type LoadRequest } from '../load.ts';
import type { Environment, Server } from '../processes.ts';
import { figure, spread, type Section, type Table } from '../results.ts';
import { measured, percentile, ratios, type Measured } from '../statistics.ts';

/** The number of users with a stream at each process. Messages are sent to them one after another. */
const FOLLOWED = 8;
/** Longer than the minimum time between two reads of a stream. */
const SEND_EVERY_MS = 150;
const LOAD_CLIENTS = 8;

/** The number of pairs of a sender and a receiver. Each receiver may have a stream. */
const PAIRS = 64;
const PAIR_CLIENTS = 16;
const OPENED_AT_ONCE = 50;

/** Live delivery: the time from the response to a send until its event arrives, and what streams cost. */
export async function live(bench: Bench): Promise<Section> {
  const missing = natsServerMissing();
  if (missing !== null) throw new Error(missing);
  const database = await bench.database();
  const port = await freePort();
  const broker = await startBroker(port);
  // Requests time out as they do by default: the visibility window depends on it.
  const environment = {
    ...database.variables,
    REQUEST_TIMEOUT_MS: '5000',
    NATS_URL: `nats://127.0.0.1:${port}`,
  };
  try {
    const servers = [
      await bench.startServer('service', environment),
      await bench.startServer('service', environment),
    ] as const;
    const arrivals = await arrivalTimes(bench, servers);
    const sends = await costOfSends(bench, servers);
    await Promise.all(servers.map((server) => server.stop()));
    const streams = await costOfStreams(bench, environment);
    return {
      title: 'Live delivery',
      about:
        `Two processes with NATS. From the 201 of a send until its event is on a stream: ${FOLLOWED} users have a stream at ` +
        'each process, and a message is sent to one of them every 150 ms; under load, ' +
        `${LOAD_CLIENTS} clients send to others meanwhile. The cost of a send is the processor time of both processes for each ` +
        `request, with ${PAIR_CLIENTS} clients, in alternation: without streams, and with a stream of each receiver. ` +
        'Idle streams are at one process; then all of them break and resume.',
      tables: [
        arrivals.table,
        sendsTable(sends),
        {
          title: 'Streams',
          columns: ['', 'streams', 'value'],
          rows: [
            [
              'processor time of an idle stream for a minute, ms',
              figure(streams.count),
              figure(streams.idleMs),
            ],
            ['processor time of a resumption, ms', figure(streams.count), figure(streams.resumeMs)],
            ['reads of event logs for each delivered event, under load', '', figure(arrivals.readsPerEvent)],
          ],
        },
      ],
      goals: [],
      charts: [],
    };
  } finally {
    await broker.kill();
  }
}

type Servers = readonly [Server, Server];

async function arrivalTimes(
  bench: Bench,
  servers: Servers,
): Promise<{ table: Table; readsPerEvent: number }> {
  const urls = servers.map(({ url }) => url);
  const users = usersOf(FOLLOWED);
  const streams = urls.map((url) =>
    users.map((userId) => startFollower({ urls: [url], instance: 0, userId, by: 'stream' })),
  );
  try {
    await Promise.all(streams.flat().map((stream) => stream.connected()));
    const ask = makeSendRequest(urls[0]!);
    const [sender] = usersOf(1);
    /** The times at the streams of each process. */
    const send = async (count: number): Promise<[number[], number[]]> => {
      const times: [number[], number[]] = [[], []];
      for (let index = 0; index < count; index += 1) {
        const turn = index % FOLLOWED;
        const begun = performance.now();
        const { id } = await postUntilStored(ask, {
          sender: sender!,
          receiver: users[turn]!,
          content: `No. ${index}`,
        });
        const acknowledged = performance.now();
        for (const [at, some] of streams.entries()) {
          const stream = some[turn]!;
          await stream.arrived(id);
          times[at as 0 | 1].push(stream.messages.get(id)!.at - acknowledged);
        }
        await pause(Math.max(SEND_EVERY_MS - (performance.now() - begun), 0));
      }
      return times;
    };
    const count = bench.quick ? 20 : 200;
    await send(FOLLOWED);
    const rest = await send(count);
    const before = await eventReads(urls);
    const busy = usersOf(PAIRS);
    let isDone = false as boolean;
    const loading = (async () => {
      while (!isDone) {
        const requests = sendsBetween(busy, busy.toReversed());
        await load(servers[0], requests, { connections: LOAD_CLIENTS, seconds: 1 });
      }
    })();
    const loaded = await send(count);
    isDone = true;
    await loading;
    const after = await eventReads(urls);
    // A read is two statements.
    const readsPerEvent = (after.statements - before.statements) / 2 / (after.delivered - before.delivered);
    const row = (name: string, times: readonly number[]): string[] => [
      name,
      figure(times.length),
      figure(percentile(times, 0.5)),
      figure(percentile(times, 0.99)),
    ];
    bench.log(
      `from the 201 to a stream of the other process: ${figure(percentile(rest[1], 0.5))} ms at rest`,
    );
    return {
      table: {
        title: 'From the 201 to the stream',
        columns: ['', 'arrivals', 'p50 ms', 'p99 ms'],
        rows: [
          row('in the process, at rest', rest[0]),
          row('by NATS, at rest', rest[1]),
          row('in the process, under load', loaded[0]),
          row('by NATS, under load', loaded[1]),
        ],
      },
      readsPerEvent,
    };
  } finally {
    await stopAll(streams.flat());
  }
}

/** A kind of sends, and the processor time of both processes for each of them. */
interface SendCost {
  readonly name: string;
  /** Milliseconds. */
  readonly processor: Measured;
  /** As a ratio to sends that no one follows, by round. */
  readonly ratio: Measured;
}

async function costOfSends(bench: Bench, servers: Servers): Promise<SendCost[]> {
  const kinds = ['not followed', 'followed in the process', 'followed by NATS'].map((name) => ({
    name,
    senders: usersOf(PAIRS),
    receivers: usersOf(PAIRS),
    rounds: [] as number[],
  }));
  const followed = kinds
    .slice(1)
    .flatMap(({ receivers }, at) =>
      receivers.map((userId) =>
        startFollower({ urls: [servers[at as 0 | 1].url], instance: 0, userId, by: 'stream' }),
      ),
    );
  try {
    await Promise.all(followed.map((stream) => stream.connected()));
    const rounds = bench.quick ? 2 : 6;
    // The first round warms up.
    for (let round = -1; round < rounds; round += 1) {
      for (const { senders, receivers, rounds } of kinds) {
        const { processor } = await load(servers[0], sendsBetween(senders, receivers), {
          connections: PAIR_CLIENTS,
          seconds: bench.quick ? 0.5 : 4,
          otherPids: [servers[1].pid],
        });
        if (round >= 0) rounds.push(processor / 1_000);
      }
    }
  } finally {
    await stopAll(followed);
  }
  return kinds.map(({ name, rounds }) => ({
    name,
    processor: measured(rounds),
    ratio: ratios(rounds, kinds[0]!.rounds),
  }));
}

function sendsTable(sends: readonly SendCost[]): Table {
  return {
    title: 'A send',
    columns: ['', 'processor time, ms', '**of a send without streams**'],
    rows: sends.map(({ name, processor, ratio }) => [name, spread(processor), spread(ratio)]),
  };
}

async function costOfStreams(bench: Bench, environment: Environment) {
  const count = bench.quick ? 200 : 2_000;
  const server = await bench.startServer('service', environment);
  const { pid } = server;
  /** The processor time of a minute in milliseconds, measured for `milliseconds`. */
  const processorPerMinute = async (milliseconds: number): Promise<number> => {
    const before = processorMs(pid);
    await pause(milliseconds);
    return (processorMs(pid) - before) * (60_000 / milliseconds);
  };
  const idleMs = bench.quick ? 16_000 : 60_000;
  const users = usersOf(count);
  const streams: Follower[] = [];
  const inGroups = async (open: (at: number) => Promise<unknown>): Promise<void> => {
    for (let begin = 0; begin < count; begin += OPENED_AT_ONCE) {
      const size = Math.min(OPENED_AT_ONCE, count - begin);
      await Promise.all(Array.from({ length: size }, (_, index) => open(begin + index)));
    }
  };
  try {
    // The processor time of the process without streams, which is subtracted below.
    const restMs = await processorPerMinute(idleMs / 4);
    await inGroups((at) => {
      const stream = startFollower({ urls: [server.url], instance: 0, userId: users[at]!, by: 'stream' });
      streams.push(stream);
      return stream.connected();
    });
    const idle = ((await processorPerMinute(idleMs)) - restMs) / count;
    const resumeBefore = processorMs(pid);
    await inGroups((at) => {
      streams[at]!.disconnect();
      return streams[at]!.connected();
    });
    const resumeMs = (processorMs(pid) - resumeBefore) / count;
    bench.log(`an idle stream takes ${figure(idle)} ms of processor time a minute`);
    return { count, idleMs: idle, resumeMs };
  } finally {
    await stopAll(streams);
  }
}

function sendsBetween(senders: readonly UserId[], receivers: readonly UserId[]): LoadRequest[] {
  return senders.map((sender, index) => ({
    method: 'POST',
    path: '/api/messages',
    body: { sender_id: sender, receiver_id: receivers[index], content: `A message to ${receivers[index]}` },
  }));
}

async function stopAll(streams: readonly Follower[]): Promise<void> {
  await Promise.all(streams.map((stream) => stream.stop()));
}
