import { strict as assert } from 'node:assert';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { readConfig } from '../../src/composition/config.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { environmentOf, migrate } from './cluster.ts';
import { makeSendRequest, type SendRequest } from './http.ts';
import { usersOf, conversationOf, type Attempt } from './load.ts';
import type { Environment } from './service.ts';
import { assertAllServed, assertConsistent, type Scenario } from './testbed.ts';

const HEAP_MB = 1_024;
const READERS = 8;

const BYTES = 60_000;
const BUCKETS = 21;
const BUCKET_MS = 30 * 24 * 3_600_000;
const MESSAGES_PER_BUCKET = 100;
const IN_THE_NEWEST = 3;

/** About 17 messages each, so that the pages reach the full buckets. */
const PAGES = 25;

/** Concurrent clients page through a history of large messages: the node keeps running, and every page is exact. */
export const historyOfLargeMessages: Scenario = async (testbed) => {
  const cluster = await testbed.oneNode({ heapMb: HEAP_MB });
  const environment = environmentOf(cluster);
  await migrate(environment);
  const pair = usersOf(2) as [UserId, UserId];
  const ids = await fill(environment, pair);

  const service = testbed.startService(environment);
  await service.logged(/Ready at/);
  const sendRequest = makeSendRequest(service.url);
  const attempts: Attempt[] = [];
  const path = `/api/messages/conversation/${conversationOf(...pair)}?limit=100`;
  const walks = await Promise.all(Array.from({ length: READERS }, () => walk(sendRequest, path, attempts)));
  testbed.report({
    action: `${READERS} readers page through the first of ${ids.length} messages of ${BYTES / 1_000} KB in ${BUCKETS} buckets, on a node with 1 GiB of heap`,
    attempts,
    seen: cluster.nodes[0]!.pid === null ? 'the node has ended' : 'the node runs',
  });
  assertAllServed(attempts);
  for (const seen of walks)
    assert.deepEqual(seen, ids.slice(0, seen.length), 'the joined pages are not the history');
  assert.notEqual(cluster.nodes[0]!.pid, null);
  await assertConsistent(testbed, [service], environment);
};

/** Imports a conversation that spans all buckets. Resolves with the ids, newest first. */
async function fill(
  environment: Environment,
  [sender, receiver]: readonly [UserId, UserId],
): Promise<string[]> {
  const clock = makeClock();
  const messageIds = makeMessageIds({ clock });
  const { cassandra } = readConfig({ ...environment, STORAGE: 'cassandra' }, () => '');
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const storage = openCassandraStorage({ options: cassandra, clock, messageIds, log });
  await storage.started;
  const participants = participantsOf(sender, receiver);
  const now = Date.now();
  const ids: string[] = [];
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const count = bucket === 0 ? IN_THE_NEWEST : MESSAGES_PER_BUCKET;
    const made = Array.from({ length: count }, (_, index) =>
      messageIdAt((now - bucket * BUCKET_MS - index * 60_000 - 1_000) * 1_000, 0, '0'.repeat(13)),
    );
    for (let begin = 0; begin < made.length; begin += 10) {
      await Promise.all(
        made.slice(begin, begin + 10).map((id) =>
          storage.messages.append({
            message: {
              id,
              conversationId: conversationOf(sender, receiver) as ConversationId,
              senderId: sender,
              receiverId: receiver,
              content: '한'.repeat(BYTES / 3),
              editId: null,
              deletionId: null,
            },
            participants,
            idempotencyKey: null,
            isLive: false,
          }),
        ),
      );
    }
    ids.push(...made);
  }
  await storage.close();
  return ids;
}

/** The ids on the first pages. */
async function walk(sendRequest: SendRequest, path: string, attempts: Attempt[]): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const at = performance.now();
    const { status, body } = await sendRequest({
      method: 'GET',
      path: cursor === null ? path : `${path}&cursor=${cursor}`,
    });
    attempts.push({
      kind: 'read',
      at,
      took: performance.now() - at,
      outcome: status,
      problem: status === 200 ? null : body.type.replace(/^.*:/, ''),
      send: null,
      messageId: null,
      stale: null,
      retryAfter: null,
    });
    if (status !== 200) break;
    ids.push(...body.data.map(({ id }) => id));
    cursor = body.next_cursor;
    assert.ok(cursor !== null, 'the history ends too early');
  }
  return ids;
}
