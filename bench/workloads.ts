import { cursorAt } from '../src/adapters/http/cursors.ts';
import type { UserId } from '../src/domain/ids.ts';
import { CONTENT, pairOf, type Pair } from './data/fixtures.ts';
import { idIn, writeHistories, type History } from './data/history.ts';
import { writeInboxes, type Inbox } from './data/inbox.ts';
import type { LoadRequest } from './load/request.ts';
import type { Database } from './environment.ts';

/** The workloads of the benchmark. */
export interface Workloads {
  readonly send: readonly LoadRequest[];
  readonly sendWithKey: readonly LoadRequest[];
  readonly newestPage: readonly LoadRequest[];
  readonly deepPage: readonly LoadRequest[];
  readonly inboxPage: readonly LoadRequest[];
  /** Seven reads to three sends. Reads and sends use different lists. */
  readonly mixed: readonly LoadRequest[];
}

export const WORKLOAD_NAMES: Readonly<Record<keyof Workloads, string>> = {
  send: 'send',
  sendWithKey: 'send with a key',
  newestPage: 'newest page of 20',
  deepPage: 'deep page by cursor',
  inboxPage: 'inbox page of 20',
  mixed: 'mixed, 70 % reads',
};

const TALKERS = 1_000;
const READERS = 200;
const MESSAGES_EACH = 200;
const CONVERSATIONS_EACH = 60;
const DAY_MS = 86_400_000;

/** The description of the workload data in reports. */
export const WORKLOAD_DATA =
  `${TALKERS} pairs that send messages of ${CONTENT.length} characters; ${READERS} conversations of ` +
  `${MESSAGES_EACH} messages; ${READERS} inboxes of ${CONVERSATIONS_EACH} conversations over 60 days`;

/** The users of the workloads and the initial data. */
function makeCast(now: number) {
  const talkers = Array.from({ length: TALKERS }, (_, index) =>
    pairOf(`talker-${index}`, `talker-${index}-too`),
  );
  const histories: History[] = Array.from({ length: READERS }, (_, index) => ({
    pair: pairOf(`reader-${index}`, `reader-${index}-too`),
    count: MESSAGES_EACH,
    every: 5_000,
    until: now - index * 1_000,
  }));
  const inboxes: Inbox[] = Array.from({ length: READERS }, (_, index) => ({
    owner: `owner-${index}` as UserId,
    *moves() {
      for (let day = CONVERSATIONS_EACH; day > 0; day -= 1) {
        yield { conversation: day, at: now - day * DAY_MS + index * 1_000 };
      }
    },
  }));
  return { talkers, histories, inboxes };
}

type Cast = ReturnType<typeof makeCast>;

const written = new WeakMap<Database, Promise<Workloads>>();

/** The workloads on `database`. Their data are written on first use. */
export function workloadsOn(database: Database): Promise<Workloads> {
  const known = written.get(database);
  if (known !== undefined) return known;
  const users = makeCast(Date.now());
  const workloads = writeCast(database, users).then(() => workloadsOf(users));
  written.set(database, workloads);
  return workloads;
}

async function writeCast({ client }: Database, { histories, inboxes }: Cast): Promise<void> {
  await writeHistories(client, histories);
  await writeInboxes(client, inboxes);
}

/** Makes the requests of the workloads. */
function workloadsOf({ talkers, histories, inboxes }: Cast): Workloads {
  const send = talkers.map(sendIn);
  const newestPage = histories.map(({ pair }): LoadRequest => ({ method: 'GET', path: pathOf(pair) }));
  const deepPage = histories.map((history): LoadRequest => {
    const { conversationId } = history.pair;
    const cursor = cursorAt({ kind: 'history', of: conversationId }, idIn(history, MESSAGES_EACH / 2));
    return { method: 'GET', path: `${pathOf(history.pair)}?cursor=${cursor}` };
  });
  const inboxPage = inboxes.map(({ owner }): LoadRequest => ({ method: 'GET', path: inboxPath(owner) }));
  const mixed = alternating(
    [send, newestPage, inboxPage, newestPage, send, inboxPage, deepPage, send, newestPage, inboxPage],
    TALKERS,
  );
  return {
    send,
    sendWithKey: send.map((request) => ({ ...request, keyed: true })),
    newestPage,
    deepPage,
    inboxPage,
    mixed,
  };
}

/** `count` requests, taken from the lists in turn. */
export function alternating(lists: readonly (readonly LoadRequest[])[], count: number): LoadRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const list = lists[index % lists.length]!;
    return list[index % list.length]!;
  });
}

/** A request that sends a message in `pair`. */
export function sendIn({ one, other }: Pair): LoadRequest {
  return {
    method: 'POST',
    path: '/api/messages',
    body: { sender_id: one, receiver_id: other, content: CONTENT },
  };
}

/** The path of a conversation's history. */
export function pathOf({ conversationId }: Pair): string {
  return `/api/messages/conversation/${conversationId}`;
}

/** The path of a user's inbox. */
export function inboxPath(owner: UserId): string {
  return `/api/conversations/user/${owner}`;
}
