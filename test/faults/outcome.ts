import { strict as assert } from 'node:assert';
import type { UserId } from '../../src/domain/ids.ts';
import type { SendRequest, Item } from './http.ts';
import { conversationIdIn, conversationOf, recipientsOf, type Attempt } from './load.ts';

/** All lists of some users, with all pages joined. */
interface Shown {
  /** The messages of each conversation, newest first. */
  readonly histories: ReadonlyMap<string, readonly Item[]>;
  /** The inbox of each user, newest first. */
  readonly inboxes: ReadonlyMap<UserId, readonly Item[]>;
}

/** The outcome of all sends. */
export interface Outcome {
  readonly acknowledged: number;
  /** Acknowledged messages that are missing. */
  readonly lost: number;
  /** Acknowledged messages that are newer than the last message in an inbox. */
  readonly hidden: number;
  /** Messages stored under more than one id. */
  readonly duplicated: number;
  /** Reads that missed an earlier acknowledged message. */
  readonly stale: number;
  /** Stored messages whose send reported that nothing was stored. */
  readonly denied: number;
  /** Sends with an unknown outcome or without a response, and the number of them that are stored. */
  readonly unknown: number;
  readonly unknownAndStored: number;
  /** Inbox rows that are behind their conversation, or missing. */
  readonly lagging: number;
  /** Inbox rows that name a missing message. */
  readonly withoutMessage: number;
}

const CONCURRENCY = 8;

/**
 * Reads all lists of `users`, and compares them with the results of `attempts`. The inbox position of a message in `late` is
 * that of its late event, and not that of its id.
 */
export async function outcomeOf(
  sendRequest: SendRequest,
  users: readonly UserId[],
  attempts: readonly Attempt[],
  late: ReadonlySet<string>,
): Promise<Outcome> {
  const { histories, inboxes } = await readAll(sendRequest, users, attempts);
  for (const inbox of inboxes.values()) {
    assertInOrder(inbox.flatMap((row) => row.last_message_id ?? []).filter((id) => !late.has(id)));
  }
  const sends = attempts.flatMap(({ send, ...attempt }) =>
    send === null
      ? []
      : [{ ...attempt, ...send, recipients: recipientsOf(send), conversation: conversationIdIn(send) }],
  );
  const idsOf = new Map<string, Set<string>>();
  for (const messages of histories.values()) {
    for (const { id, content } of messages) {
      idsOf.set(content, (idsOf.get(content) ?? new Set()).add(id));
    }
  }
  const isStored = ({ content }: { content: string }): boolean => idsOf.has(content);

  const acknowledged = sends.filter(({ messageId }) => messageId !== null);
  const unknown = sends.filter(
    ({ outcome, problem }) => outcome === 'unanswered' || problem === 'outcome-unknown',
  );
  const lastMessages = new Map<string, string>();
  for (const [user, inbox] of inboxes) {
    assert.equal(
      new Set(inbox.map(({ id }) => id)).size,
      inbox.length,
      'an inbox shows a conversation twice',
    );
    for (const row of inbox) {
      if (row.last_message_id !== null) lastMessages.set(`${user} ${row.id}`, row.last_message_id);
    }
  }
  const isBehind = (user: UserId, conversation: string, messageId: string): boolean => {
    const head = lastMessages.get(`${user} ${conversation}`) ?? '';
    return head < messageId && !late.has(head);
  };

  let lagging = 0;
  let withoutMessage = 0;
  const groups = new Map(sends.flatMap(({ group }) => (group === undefined ? [] : [[group.id, group]])));
  for (const user of users) {
    const own = [...groups.values()].filter(({ members }) => members.includes(user)).map(({ id }) => id);
    for (const conversation of [...own, ...users.map((other) => conversationOf(user, other))]) {
      const messages = histories.get(conversation) ?? [];
      const head = lastMessages.get(`${user} ${conversation}`);
      if (messages[0] !== undefined && isBehind(user, conversation, messages[0].id)) lagging += 1;
      if (head !== undefined && !messages.some(({ id }) => id === head)) withoutMessage += 1;
    }
  }
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(({ messageId, content }) => !idsOf.get(content)?.has(messageId!)).length,
    hidden: acknowledged.filter(({ messageId, recipients, conversation }) =>
      recipients.some((user) => isBehind(user, conversation, messageId!)),
    ).length,
    duplicated: [...idsOf.values()].filter((ids) => ids.size > 1).length,
    stale: attempts.filter(({ stale }) => stale !== null && !stale.some((id) => late.has(id))).length,
    denied: sends.filter((send) => send.problem === 'storage-unavailable' && isStored(send)).length,
    unknown: unknown.length,
    unknownAndStored: unknown.filter(isStored).length,
    lagging,
    withoutMessage,
  };
}

async function readAll(
  sendRequest: SendRequest,
  users: readonly UserId[],
  attempts: readonly Attempt[],
): Promise<Shown> {
  const inboxes: Shown['inboxes'] = new Map(
    await each(
      users,
      async (user) => [user, await joined(sendRequest, `/api/conversations/user/${user}`)] as const,
    ),
  );
  const begun = new Set(attempts.flatMap(({ send }) => (send === null ? [] : [conversationIdIn(send)])));
  const histories: Shown['histories'] = new Map(
    await each(
      [...begun],
      async (id) => [id, await joined(sendRequest, `/api/messages/conversation/${id}`)] as const,
    ),
  );
  for (const messages of histories.values()) assertInOrder(messages.map(({ id }) => id));
  return { histories, inboxes };
}

/** The items of all pages of a list; empty if it does not exist. */
export async function joined(sendRequest: SendRequest, path: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { status, body } = await sendRequest({ method: 'GET', path: `${path}?limit=100${query}` });
    if (status === 404) return [];
    assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
    items.push(...body.data);
    cursor = body.next_cursor;
  } while (cursor !== null);
  return items;
}

function assertInOrder(positions: readonly string[]): void {
  assert.ok(
    positions.every((position, index) => index === 0 || position < positions[index - 1]!),
    'the joined pages are not in order, or repeat an item',
  );
}

/** Does `work` for all `items`, some of them at a time. */
export async function each<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let begin = 0; begin < items.length; begin += CONCURRENCY) {
    results.push(...(await Promise.all(items.slice(begin, begin + CONCURRENCY).map(work))));
  }
  return results;
}
