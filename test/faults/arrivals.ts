import { strict as assert } from 'node:assert';
import type { LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { readEventsOf } from './events.ts';
import type { Follower } from './follower.ts';
import type { Load } from './load.ts';
import { percentile } from './table.ts';
import type { Testbed } from './testbed.ts';

/** An acknowledged message. */
export interface Sent {
  readonly messageId: string;
  readonly participants: readonly UserId[];
  /** The time of the 201, by performance.now(). */
  readonly acknowledged: number;
  /** The instance that sent the 201. */
  readonly instance: number;
}

/** The acknowledged messages of a load. */
export function sentBy({ attempts }: Load, instance: number): Sent[] {
  return attempts.flatMap(({ at, took, send, messageId }) =>
    send === null || messageId === null
      ? []
      : [{ messageId, participants: [send.sender, send.receiver], acknowledged: at + took, instance }],
  );
}

export function followersOf(clients: readonly Follower[], { participants }: Sent): Follower[] {
  return clients.filter(({ userId }) => participants.includes(userId));
}

export function arrivalsOf(clients: readonly Follower[], sent: readonly Sent[]): Promise<void>[] {
  return sent.flatMap((one) => followersOf(clients, one).map((client) => client.arrived(one.messageId)));
}

export function acknowledgedDuring(sent: readonly Sent[], from: number, until: number): Sent[] {
  return sent.filter(({ acknowledged }) => acknowledged >= from && acknowledged < until);
}

/** Milliseconds from each 201 to the arrival at each stream of the other process, in order. */
export function lagsOf(clients: readonly Follower[], sent: readonly Sent[]): number[] {
  const streams = clients.filter(({ by }) => by === 'stream');
  return sent
    .flatMap((one) =>
      followersOf(streams, one).flatMap(({ messages }) => {
        const arrival = messages.get(one.messageId);
        return arrival === undefined || arrival.instance === one.instance
          ? []
          : [arrival.at - one.acknowledged];
      }),
    )
    .sort((a, b) => a - b);
}

export function lagOf(clients: readonly Follower[], sent: readonly Sent[]): string {
  const lags = lagsOf(clients, sent);
  if (lags.length === 0) return 'no arrivals';
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => percentile(lags, share)?.toFixed(0));
  return `${lags.length} arrivals: p50 ${p50} ms, p99 ${p99} ms, slowest ${most} ms`;
}

export function reportReceived(testbed: Testbed, clients: readonly Follower[], by: string): void {
  const sum = (count: (client: Follower) => number): number =>
    clients.reduce((total, client) => total + count(client), 0);
  const received = sum((client) => client.received);
  const distinct = sum(({ events }) => events.size);
  testbed.report({
    action: `in total: ${clients.length} followers by ${by}`,
    seen: [
      `${received} events received, ${received - distinct} of them repeats`,
      `${sum(({ resumes }) => resumes)} resumes`,
      `${sum(({ refusals }) => [...refusals.values()].reduce((a, b) => a + b, 0))} refused attempts`,
    ].join('; '),
  });
}

/** Throws if a follower has not received an acknowledged message, or an acknowledged read mark that the log holds. */
export async function assertReceived(
  testbed: Testbed,
  deps: {
    cluster: LocalCluster;
    clients: readonly Follower[];
    sent: readonly Sent[];
    marks: readonly string[];
  },
): Promise<void> {
  const { cluster, clients, sent, marks } = deps;
  const users = [...new Set(clients.map(({ userId }) => userId))];
  const acknowledged = new Set(marks);
  const reads = (await readEventsOf(cluster, users)).filter(({ mark }) => acknowledged.has(mark));
  assert.ok(sent.length > 0 && reads.length > 0, 'nothing was sent or marked');
  const messagesMissed = sent.flatMap((one) =>
    followersOf(clients, one).filter(({ messages }) => !messages.has(one.messageId)),
  ).length;
  const readsMissed = reads.flatMap(({ userId, eventId }) =>
    clients.filter((client) => client.userId === userId && !client.events.has(eventId)),
  ).length;
  testbed.report({
    action: 'what each follower of either participant received',
    seen: [
      `${sent.length} messages acknowledged, ${messagesMissed} missed by a follower`,
      `${reads.length} events of acknowledged read marks, ${readsMissed} missed`,
    ].join('; '),
  });
  assert.deepEqual({ messagesMissed, readsMissed }, { messagesMissed: 0, readsMissed: 0 });
}
