import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'cassandra-driver';
import { readMigrations } from '../../scripts/migrations.ts';
import { makeClient } from '../../src/adapters/cassandra/connect.ts';
import { conversationRow } from '../../src/adapters/cassandra/conversation-repository.ts';
import { bucketRow, inboxAndEventRows } from '../../src/adapters/cassandra/message-repository.ts';
import { migrate } from '../../src/adapters/cassandra/migrate.ts';
import type { Statement } from '../../src/adapters/cassandra/session.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { composeMessage } from '../../src/domain/message.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { compare, comparisonTable, FULL_PACE, QUICK_PACE, rejectedIn } from '../comparison.ts';
import { evenly, messageRow, writeBatches, writeInboxes } from '../data.ts';
import { rowsKeyspaceOf, type Database, type Environment } from '../environment.ts';
import type { LoadRequest } from '../load.ts';
import { RecordingClient, serviceOn } from '../recording.ts';
import { figure, type Goal, type Section, type Table } from '../results.ts';
import { measured } from '../statistics.ts';
import { inboxRequest, pairOf, sendRequest, SENDS, type Pair } from '../workloads.ts';

/** The goal for a send without a key, for any number of processes. */
const MAX_REQUESTS_PER_SEND = 6;

/** What grows with the number of processes, users and messages. */
export async function scale(bench: Environment): Promise<Section> {
  const database = await bench.database();
  const processes = await processTable(bench, database);
  const service = await bench.startServer('service', database.variables);
  const toHub = SENDS.map((_, index) => sendRequest(pairOf(`writer-${index}`, 'hub')));
  const pace = bench.quick ? QUICK_PACE : { ...FULL_PACE, seconds: 2, connections: [16] };
  const sides = {
    service: { server: service, requests: toHub },
    'sends to 1,000 users': { server: service, requests: SENDS },
  };
  const options = { quantity: 'throughput', log: bench.log } as const;
  const hub = await compare({ 'send to one user': sides }, pace, options);
  bench.log('writing rows to measure their size');
  const rowBytes = await bytesPerRow(database, bench.quick ? 5_000 : 100_000);
  return {
    title: 'How does it scale?',
    about:
      'Processes are simulated in one: each has its own caches, all share a connection, and each request goes to a ' +
      `random one. There are ${INBOXES_EACH} users with inboxes of 200 conversations and as many with 40. Requests to ` +
      `Cassandra are counted at the driver. Sends to one user write to one partition.${rejectedIn(hub)}`,
    tables: [
      processes.table,
      { ...comparisonTable(hub), title: 'A hot partition:' },
      rowTable(rowBytes),
      sizeTable(rowBytes),
    ],
    goals: processes.goals,
    charts: [],
  };
}

const READS_PER_USER = 10;
const INBOXES_EACH = 20;

async function processTable(
  bench: Environment,
  { client, options }: Database,
): Promise<{ table: Table; goals: Goal[] }> {
  const now = Date.now();
  const users = Array.from({ length: INBOXES_EACH }, (_, index) => index);
  await writeInboxes(
    client,
    users.flatMap((index) => [
      { owner: `large-${index}` as UserId, moves: evenly(now, 200, 60) },
      { owner: `small-${index}` as UserId, moves: evenly(now, 40, 60) },
    ]),
  );
  const inboxesOf = (kind: string): LoadRequest[] =>
    Array.from({ length: READS_PER_USER }, () =>
      users.map((index) => inboxRequest(`${kind}-${index}` as UserId)),
    ).flat();
  const workloads: Readonly<Record<string, readonly LoadRequest[]>> = {
    send: SENDS.slice(0, 200),
    'send with a key': SENDS.slice(0, 100).map((request) => ({ ...request, keyed: true })),
    'page of 40 conversations': inboxesOf('small'),
    'page of 200 conversations': inboxesOf('large'),
  };
  const counts = [1, 20, 100];
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const count of counts) {
    bench.log(`${count} simulated processes`);
    const recording = new RecordingClient(options);
    const services: Awaited<ReturnType<typeof serviceOn>>[] = [];
    for (let index = 0; index < count; index += 1) services.push(await serviceOn(recording, options));
    const row = [figure(count)];
    for (const [workload, requests] of Object.entries(workloads)) {
      const sent: number[] = [];
      for (const request of requests) {
        const service = services[Math.floor(Math.random() * count)]!;
        sent.push((await recording.workOf(() => service(request))).requests.length);
      }
      const mean = sent.reduce((sum, one) => sum + one, 0) / sent.length;
      row.push(figure(mean));
      if (workload !== 'send') continue;
      goals.push({
        what: `requests to Cassandra per send, ${count} processes`,
        goalIs: 'most',
        goal: MAX_REQUESTS_PER_SEND,
        value: measured(sent),
      });
    }
    rows.push(row);
    await recording.shutdown();
  }
  return {
    goals,
    table: {
      title: `Requests to Cassandra per request, with random routing; each inbox is read ${READS_PER_USER} times:`,
      columns: ['processes', ...Object.keys(workloads)],
      rows,
    },
  };
}

/** Random text that does not compress. */
function randomText(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length);
}

const PARTITIONS = 10;

/** The tables whose rows are measured, with the bytes of text in each row. */
const TEXT_BYTES: Readonly<Record<string, number>> = {
  messages_by_conversation: 100,
  conversations_by_user: 100,
  events_by_user: 0,
  conversations: 0,
  buckets_by_conversation: 0,
  messages_by_idempotency_key: 0,
};

/**
 * The bytes of a row on disk by table, from the files of freshly flushed tables. The text does not compress, so real text
 * takes less. Null if the files of the node can't be read here.
 */
async function bytesPerRow(
  { client, options }: Database,
  count: number,
): Promise<Map<string, number> | null> {
  const [setting] = (
    await client.execute(`SELECT value FROM system_views.settings WHERE name = 'data_file_directories'`)
  ).rows;
  const folder = String(setting?.['value'] ?? '').replace(/^\[(.*)\]$/, '$1');
  if (!existsSync(folder)) return null;
  const keyspace = rowsKeyspaceOf(options);
  const own = { ...options, keyspace };
  await migrate({
    options: own,
    replicationFactor: 1,
    migrations: readMigrations(),
    report: () => undefined,
  });
  const writer = makeClient(own);
  await writer.connect();
  await writeBatches(writer, sampleRows(count));
  const found = new Map<string, number>();
  for (const name of Object.keys(TEXT_BYTES)) {
    const written = isPerConversation(name) ? count / PER_CONVERSATION : count;
    found.set(name, Math.round((await flushedBytes(writer, join(folder, keyspace), name)) / written));
  }
  await writer.shutdown();
  return found;
}

function rowTable(rowBytes: ReadonlyMap<string, number> | null): Table {
  return {
    title:
      'Bytes on disk of one replica, for texts of 100 incompressible characters and user ids of about ten. Real text ' +
      'compresses, so it takes less:',
    columns: ['table', 'bytes per row', 'of which text'],
    rows: [...(rowBytes ?? [])].map(([name, bytes]) => [name, figure(bytes), String(TEXT_BYTES[name])]),
  };
}

/** Users by their conversations and messages a day. */
const USERS: Readonly<Record<string, readonly [conversations: number, messagesPerDay: number]>> = {
  'ordinary use': [200, 50],
  '300 active twice a day, 500 quiet': [800, 600],
  'a support desk of 5,000 customers': [5_000, 3_000],
  '20 busy every 5 minutes, 500 quiet': [520, 5_760],
  'a hub with 20 messages a second': [10_000, 1_728_000],
};

/** With the default retention, rows of the event log live 31 days. */
const EVENT_DAYS = 31;

/** The size of a user's partitions, calculated from the bytes per row. */
function sizeTable(rowBytes: ReadonlyMap<string, number> | null): Table {
  const megabytes = (table: string, rows: number): string => figure((rows * rowBytes!.get(table)!) / 1e6);
  return {
    title: 'The data of one user on one replica, in MB, calculated from these bytes per row:',
    columns: ['user', 'conversations', 'messages a day', 'event log', 'inbox', 'messages of a year'],
    rows: Object.entries(rowBytes === null ? {} : USERS).map(([name, [conversations, messagesPerDay]]) => [
      name,
      figure(conversations),
      figure(messagesPerDay),
      megabytes('events_by_user', EVENT_DAYS * messagesPerDay),
      megabytes('conversations_by_user', conversations),
      megabytes('messages_by_conversation', 365 * messagesPerDay),
    ]),
  };
}

/** Each conversation of the sample has this many messages. */
const PER_CONVERSATION = 5;

function isPerConversation(table: string): boolean {
  return ['conversations_by_user', 'conversations', 'buckets_by_conversation'].includes(table);
}

/** Messages of ten users to many others, with all rows that a send with a key leaves for its sender. */
function* sampleRows(count: number): Generator<Statement[]> {
  const now = Date.now();
  const each = count / PARTITIONS;
  for (let user = 0; user < PARTITIONS; user += 1) {
    let pair: Pair | null = null;
    for (let index = 0; index < each; index += 1) {
      if (index % PER_CONVERSATION === 0) pair = pairOf(`user-${10_000 + user}`, `user-${20_000 + index}`);
      const { one, other, participants, conversationId } = pair!;
      const id = messageIdAt(
        (now - (each - index) * 1_000) * 1_000,
        0,
        randomBytes(7).toString('hex').slice(1),
      );
      const message = composeMessage({
        id,
        conversationId,
        senderId: one,
        receiverId: other,
        content: randomText(100),
      });
      yield [messageRow(pair!, id, message.content)];
      yield inboxAndEventRows(message, participants, id, one, 30);
      yield [
        {
          query: `INSERT INTO messages_by_idempotency_key
            (sender_id, idempotency_key, message_id, conversation_id, fingerprint) VALUES (?, ?, ?, ?, ?) USING TTL ?`,
          params: [one, crypto.randomUUID(), id, conversationId, randomBytes(32), 2_592_000],
        },
      ];
      if (index % PER_CONVERSATION === 0) {
        yield [
          bucketRow(conversationId, id),
          conversationRow({ id: conversationId, participants, created: id }),
        ];
      }
    }
  }
}

/** The bytes of the files of a table, after its memtable is flushed. */
async function flushedBytes(client: Client, folder: string, table: string): Promise<number> {
  await client.execute(`ALTER TABLE ${table} WITH memtable_flush_period_in_ms = 1000`);
  const own = readdirSync(folder).find((name) => name.replace(/-[0-9a-f]+$/, '') === table);
  const bytes = (): number =>
    readdirSync(join(folder, own ?? ''), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { name }) => sum + statSync(join(folder, own ?? '', name)).size, 0);
  let [size, stable] = [0, 0];
  for (let waited = 0; waited < 600 && stable < 25; waited += 1) {
    await pause(100);
    const next = bytes();
    stable = next > 0 && next === size ? stable + 1 : 0;
    size = next;
  }
  if (stable < 25) throw new Error(`the memtable of ${table} was not flushed`);
  return size;
}
