import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { residentMb } from '../support/resident-memory.ts';
import { startFollower } from './follower.ts';
import { makeAsk } from './http.ts';
import { post, usersOf } from './load.ts';
import type { Environment, Service } from './service.ts';
import { percentile } from './table.ts';
import type { Testbed } from './testbed.ts';

const IDLE_STREAMS = 2_000;
const IDLE_MS = 60_000;
const EVERY_MS = 15_000;
const OPENED_AT_ONCE = 100;

/** What idle streams may add to the live heap of a process within a minute, in megabytes. */
const GROWTH_MB = 5;

/** Runs in the service: on SIGUSR2 it collects garbage and prints how many bytes of the heap are alive. */
const HEAP_SCRIPT = `
import v8 from 'node:v8';
import vm from 'node:vm';
v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc');
let count = 0;
process.on('SIGUSR2', () => {
  gc();
  count += 1;
  console.log('live heap ' + count + ': ' + process.memoryUsage().heapUsed);
});`;
const STORM = 500;
const SENDERS = 10;

/** The reads of event logs and the events delivered so far, over all instances. */
export async function eventReads(urls: readonly string[]) {
  const sum = await countersOf(urls);
  const counts = {
    statements: sum(
      /^cassandra_statement_duration_seconds_count\{statement="SELECT events_by_user"[^}]*\} (\d+)$/gm,
    ),
    delivered: sum(/^messenger_events_delivered_total (\d+)$/gm),
  };
  return {
    ...counts,
    since(earlier: typeof counts): string {
      const statements = counts.statements - earlier.statements;
      const delivered = counts.delivered - earlier.delivered;
      assert.ok(statements > 0 && delivered > 0, 'the metrics count nothing');
      const each = (statements / delivered).toFixed(2);
      return `${each} statements: ${statements} for ${delivered} events; a read is two statements`;
    },
  };
}

/** The hints that no other process was told, so far, over all instances. */
export async function hintsLost(urls: readonly string[]): Promise<number> {
  return (await countersOf(urls))(/^messenger_hints_total\{what="lost"\} (\d+)$/gm);
}

/** A function that adds up a metric of all instances, by a pattern whose group is the value. */
async function countersOf(urls: readonly string[]): Promise<(pattern: RegExp) => number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  return (pattern) =>
    texts
      .flatMap((text) => [...text.matchAll(pattern)])
      .reduce((total, [, value]) => total + Number(value), 0);
}

/** Idle streams take a constant amount of memory, and many that reconnect at once are served. */
export async function tellFigures(
  testbed: Testbed,
  started: (environment: Environment) => Promise<Service>,
): Promise<void> {
  const script = `--import=data:text/javascript,${encodeURIComponent(HEAP_SCRIPT)}`;
  const instances = await Promise.all([started({ NODE_OPTIONS: script }), started({})]);
  const [first] = instances;
  const urls = instances.map(({ url }) => url);
  const users = usersOf(IDLE_STREAMS);
  let measured = 0;
  const heapMb = async (): Promise<number> => {
    measured += 1;
    process.kill(first.pid, 'SIGUSR2');
    const line = await first.logged(new RegExp(`^live heap ${measured}:`));
    return Number(/\d+$/.exec(line)![0]) / 2 ** 20;
  };
  const emptyMb = await heapMb();
  const streams = [];
  for (let begin = 0; begin < IDLE_STREAMS; begin += OPENED_AT_ONCE) {
    const opened = users
      .slice(begin, begin + OPENED_AT_ONCE)
      .map((userId) => startFollower({ urls, instance: 0, userId, by: 'stream' }));
    streams.push(...opened);
    await Promise.all(opened.map((stream) => stream.connected()));
  }
  try {
    const openedMb = await heapMb();
    const before = await eventReads(urls.slice(0, 1));
    const resident = [residentMb(first.pid)];
    for (const end = performance.now() + IDLE_MS; performance.now() < end;) {
      await pause(EVERY_MS);
      resident.push(residentMb(first.pid));
    }
    const after = await eventReads(urls.slice(0, 1));
    const lastMb = await heapMb();
    const perStreamKb = (((lastMb - emptyMb) * 1_024) / IDLE_STREAMS).toFixed(0);
    const reads = (((after.statements - before.statements) / IDLE_MS) * 1_000).toFixed(0);
    testbed.report({
      action: `${IDLE_STREAMS} idle streams at one process, for ${IDLE_MS / 1_000} s`,
      seen: [
        `live heap ${emptyMb.toFixed(1)} MB without streams, ${openedMb.toFixed(1)} MB with, ${lastMb.toFixed(1)} MB at the end`,
        `${perStreamKb} KB for each stream`,
        `resident ${resident.join(', ')} MB`,
        `${reads} statements a second`,
      ].join('; '),
    });
    assert.ok(
      lastMb - openedMb < GROWTH_MB,
      `idle streams took ${(lastMb - openedMb).toFixed(1)} MB more in a minute`,
    );
    assert.ok(
      streams.every(({ resumes }) => resumes === 0),
      'an idle stream was lost',
    );

    const storm = streams.slice(0, STORM);
    const begun = performance.now();
    const took = await Promise.all(
      storm.map(async (stream) => {
        stream.disconnect();
        await stream.connected();
        return performance.now() - begun;
      }),
    );
    took.sort((a, b) => a - b);
    const refused = storm.reduce((total, { refusals }) => total + (refusals.get(503) ?? 0), 0);
    assert.ok(storm.every(({ refusals }) => [...refusals.keys()].every((status) => status === 503)));
    const [p50, most] = [0.5, 1].map((share) => percentile(took, share)!.toFixed(0));
    testbed.report({
      action: `${STORM} streams break at once and resume at the other process`,
      seen: `all resumed, half within ${p50} ms, all within ${most} ms; ${refused} attempts answered 503 first`,
    });
    assert.ok(storm.every(({ resumes }) => resumes === 1));

    const ask = makeAsk(urls[0]!);
    const receivers = storm.map(({ userId }) => userId);
    const [sender] = usersOf(1);
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        for (let receiver = receivers.pop(); receiver !== undefined; receiver = receivers.pop()) {
          const { status, body } = await post(ask, {
            sender: sender!,
            receiver,
            content: `after the storm to ${receiver}`,
            key: null,
          });
          assert.equal(status, 201);
          await storm.find(({ userId }) => userId === receiver)!.arrived(body.id);
        }
      }),
    );
    testbed.report({
      action: 'afterwards, a message to each of them',
      seen: `${STORM} sent, ${STORM} received`,
    });
    await Promise.all(streams.map((stream) => stream.stop()));
    for (const instance of instances) assert.equal((await instance.terminate()).code, 0);
  } finally {
    await Promise.all(streams.map((stream) => stream.stop()));
  }
}
