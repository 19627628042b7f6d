import { strict as assert } from 'node:assert';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import { evenly, idIn, writeHistories, writeInboxes, type History } from '../data.ts';
import type { Environment } from '../environment.ts';
import { requestOnce, loadInTurn, type LoadRequest } from '../load.ts';
import { RecordingClient, serviceOn, type Work } from '../recording.ts';
import { figure, spread, type Section } from '../results.ts';
import { measured, ratios } from '../statistics.ts';
import { CONTENT, inboxRequest, pairOf, SENDS } from '../workloads.ts';

const SIZES = [16, 64, 256];

/** The number of groups of each size. There are several, so that sends do not go to one partition. */
const GROUPS_EACH = 8;

/** The number of conversations in an inbox. Half of them are groups, or none are. */
const IN_INBOX = 40;

/** The messages to be changed. Each is deleted only once, because a repeated deletion writes nothing. */
const CHANGED = { conversations: 200, messages: 100 };

const SEND = 'send to 2';
const PLAIN_PAGE = 'page of an inbox without groups';

const COLUMNS = [
  'workload',
  'against',
  '**processor time**',
  'µs',
  'p50 ms',
  'p99 ms',
  'requests',
  'sequential steps',
  'rows',
  'bytes',
];

/** A workload, and the one that it is compared with. */
interface Case {
  readonly name: string;
  readonly against: string;
  readonly requests: readonly LoadRequest[];
}

/** The cost of groups, edits and deletions, against a send between two users and an inbox without groups. */
export async function groups(bench: Environment): Promise<Section> {
  const database = await bench.database();
  const service = await bench.startServer('service', database.variables);
  const cases: Case[] = [{ name: SEND, against: SEND, requests: SENDS }];
  for (const size of SIZES) {
    const requests: LoadRequest[] = [];
    for (let index = 0; index < GROUPS_EACH; index += 1) {
      const users = Array.from(
        { length: size },
        (_, member) => `member-${size}-${index}-${member}` as UserId,
      );
      requests.push(sendTo(await createGroup(service.url, users), users[1]!));
    }
    cases.push({ name: `send to ${size}`, against: SEND, requests });
  }

  const now = Date.now();
  const histories = Array.from({ length: CHANGED.conversations }, (_, index): History => {
    const pair = pairOf(`changer-${index}`, `reader-${index}`);
    return { pair, count: CHANGED.messages, every: 5_000, until: now };
  });
  await writeHistories(database.client, histories);
  const paths = histories.flatMap((history) =>
    Array.from(
      { length: CHANGED.messages },
      (_, index) => `/api/conversations/${history.pair.conversationId}/messages/${idIn(history, index)}`,
    ),
  );
  const path = paths[0]!;
  const edited = paths.splice(0, 1_000);
  const edits = edited.map(
    (path) => ({ method: 'PATCH', path, body: { content: `${CONTENT} Okay!` } }) as const,
  );
  const nextPath = (): string => paths.pop() ?? assert.fail('all messages are deleted');
  cases.push(
    { name: 'edit', against: SEND, requests: edits },
    { name: 'deletion', against: SEND, requests: [{ method: 'DELETE', path, nextPath }] },
  );

  const [plain, half] = ['plain-inbox', 'half-groups'] as [UserId, UserId];
  await writeInboxes(database.client, [
    { owner: plain, moves: evenly(now, IN_INBOX, 60) },
    { owner: half, moves: evenly(now, IN_INBOX / 2, 60) },
  ]);
  for (let index = 0; index < IN_INBOX / 2; index += 1) {
    const other = `other-${index}` as UserId;
    const id = await createGroup(service.url, [other, half, `third-${index}` as UserId]);
    await succeed(service.url, sendTo(id, other));
  }
  const page = (owner: UserId) => [inboxRequest(owner, undefined, IN_INBOX)];
  cases.push(
    { name: PLAIN_PAGE, against: PLAIN_PAGE, requests: page(plain) },
    { name: 'page of an inbox, half of it groups', against: PLAIN_PAGE, requests: page(half) },
  );
  const works = await workOf(bench, cases);
  const lists = new Map(cases.map(({ name, requests }) => [name, requests]));
  const pace = bench.quick ? { rounds: 2, seconds: 0.5 } : { rounds: 6, seconds: 2 };
  const all = await loadInTurn(service, lists, { ...pace, connections: 1 });
  const rows = cases.map(({ name, against }, index) => {
    const [own, other] = [all.get(name)!, all.get(against)!];
    const processor = own.map((one) => one.processor);
    const ratio = spread(
      ratios(
        processor,
        other.map((one) => one.processor),
      ),
    );
    bench.log(`${name}: ${ratio} of the processor time of ${against}`);
    const { requests, steps, rows, bytes } = works[index]!;
    const times = [processor, own.map(({ p50 }) => p50), own.map(({ p99 }) => p99)];
    return [
      name,
      against,
      ratio,
      ...times.map((values) => figure(measured(values).median)),
      ...[requests.length, steps, rows, bytes].map(figure),
    ];
  });
  return {
    title: 'What do groups, edits and deletions cost?',
    about:
      `One connection, all workloads in turn. There are ${GROUPS_EACH} groups of each size; inboxes have ${IN_INBOX} ` +
      'conversations, on one page. Edits and deletions are those of messages between two users. Requests, rows and the ' +
      'bytes of written values are counted at the driver, so the bytes are those of one replica.',
    tables: [{ title: '', columns: COLUMNS, rows }],
    goals: [],
    charts: [],
  };
}

/** The database work of each workload. */
async function workOf(bench: Environment, cases: readonly Case[]): Promise<Work[]> {
  const { options } = await bench.database();
  const recording = new RecordingClient(options);
  const service = await serviceOn(recording, options);
  const works: Work[] = [];
  for (const { requests } of cases) {
    // The first request of a process may cost more.
    await recording.workOf(() => service(requests[0]!));
    works.push(await recording.workOf(() => service(requests.at(-1)!)));
  }
  await recording.shutdown();
  return works;
}

async function createGroup(url: string, users: readonly UserId[]): Promise<ConversationId> {
  const body = { participant_ids: users, creator_id: users[0] };
  const text = await succeed(url, { method: 'POST', path: '/api/conversations', body });
  return (JSON.parse(text) as { id: ConversationId }).id;
}

/** Sends one request, which must succeed; resolves with the text of the response. */
async function succeed(url: string, request: LoadRequest): Promise<string> {
  const { status, text } = await requestOnce(url, request);
  assert.ok(status < 300, text);
  return text;
}

function sendTo(id: ConversationId, sender: UserId): LoadRequest {
  return {
    method: 'POST',
    path: `/api/conversations/${id}/messages`,
    body: { sender_id: sender, content: CONTENT },
  };
}
