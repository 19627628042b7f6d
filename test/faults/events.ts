import { Client, types } from 'cassandra-driver';
import type { LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import { groupOf } from '../../src/adapters/cassandra/group-repository.ts';
import type { Member } from '../../src/domain/group.ts';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';

/** An event that reports a message. */
export interface StoredEvent {
  readonly userId: UserId;
  readonly eventId: string;
  readonly messageId: string;
}

/** The ids of the messages with a late event. */
export async function lateMessagesOf(cluster: LocalCluster): Promise<Set<string>> {
  const rows = await rowsOf(cluster, 'SELECT message_id FROM late_events', []);
  return new Set(rows.map((row) => String(row['message_id'])));
}

/** The last membership of each member and of the last former members of a group, read with LOCAL_QUORUM. */
export async function membersOf(cluster: LocalCluster, groupId: string): Promise<readonly Member[]> {
  const [row] = await rowsOf(
    cluster,
    `SELECT creator_id, created, name, members, former_until, changed, version FROM groups
     WHERE conversation_id = ?`,
    [groupId],
  );
  return groupOf(groupId as ConversationId, row!).members;
}

/** The message events in the logs of `users`, read with LOCAL_QUORUM. */
export async function eventsOf(cluster: LocalCluster, users: readonly UserId[]): Promise<StoredEvent[]> {
  const rows = await rowsOf(
    cluster,
    'SELECT user_id, event_id, message_id FROM events_by_user WHERE user_id IN ? AND places = true',
    [users],
  );
  return rows.map((row) => ({
    userId: row['user_id'] as UserId,
    eventId: String(row['event_id']),
    messageId: String(row['message_id']),
  }));
}

/** The `conversation.read` events in the logs of `users`: the reader, the conversation and the position. */
export async function readEventsOf(
  cluster: LocalCluster,
  users: readonly UserId[],
): Promise<{ userId: UserId; eventId: string; mark: string }[]> {
  const rows = await rowsOf(
    cluster,
    `SELECT user_id, event_id, type, conversation_id, message_id, actor_id FROM events_by_user
     WHERE user_id IN ? AND places = false`,
    [users],
  );
  return rows
    .filter((row) => row['type'] === 'conversation.read')
    .map((row) => ({
      userId: row['user_id'] as UserId,
      eventId: String(row['event_id']),
      mark: markOf(String(row['actor_id']), String(row['conversation_id']), String(row['message_id'])),
    }));
}

/** A read mark as text, to compare. */
export function markOf(reader: string, conversationId: string, upTo: string): string {
  return `${reader} ${conversationId} ${upTo}`;
}

async function rowsOf(
  cluster: LocalCluster,
  query: string,
  params: readonly unknown[],
): Promise<types.Row[]> {
  const [first] = cluster.nodes;
  const client = new Client({
    contactPoints: [...cluster.contactPoints],
    localDataCenter: cluster.localDatacenter,
    keyspace: 'messenger',
    protocolOptions: { port: first!.port },
  });
  try {
    const consistency = types.consistencies.localQuorum;
    const answer = await client.execute(query, [...params], { prepare: true, consistency, fetchSize: 1_000 });
    const rows: types.Row[] = [];
    for await (const row of answer) rows.push(row);
    return rows;
  } finally {
    await client.shutdown();
  }
}
