import { expect, test } from 'vitest';
import { BackgroundRetry } from '../../src/adapters/cassandra/background-retry.ts';
import { CassandraMessageRepository } from '../../src/adapters/cassandra/message-repository.ts';
import { nameOf, type Row, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { EventId, UserId } from '../../src/domain/ids.ts';
import { positionAt } from '../../src/domain/time.ts';
import { appendRequest, freshUsers, HOUR, idAt, now, SECOND } from '../contracts/fixtures.ts';
import { timelessClock } from '../support/memory-storage.ts';

const users = freshUsers();
const sent = appendRequest(users, idAt(now() - HOUR));
const { conversationId, id: messageId } = sent.message;
const change = { conversationId, messageId, participants: sent.participants };

/** A process over one stored message. It records its statements by step: the statements of a step run in parallel. */
function aProcess(row: object = {}, { onLateEventRead = (): Row[] => [] } = {}) {
  const clock = timelessClock();
  const steps: string[][] = [];
  const params: unknown[][] = [];
  const hinted: UserId[][] = [];
  const failing = { count: 0 };
  let rowsRead = 0;
  let isStepOpen = false;
  const step = async (name: string): Promise<void> => {
    if (!isStepOpen) steps.push([]);
    isStepOpen = true;
    steps.at(-1)?.push(name);
    await new Promise(setImmediate);
    isStepOpen = false;
  };
  const send = async (name: string, statements: readonly Statement[]): Promise<void> => {
    if (failing.count > 0) {
      failing.count -= 1;
      throw new StorageFailure('outcome_unknown');
    }
    for (const statement of statements) params.push([...statement.params]);
    await step(name);
  };
  const stored = {
    message_id: messageId,
    sender_id: sent.message.senderId,
    receiver_id: sent.message.receiverId,
    content: 'Hello',
    edit: null,
    deletion: null,
    delivered: null,
    deletion_complete: null,
  };
  const writes = {
    read: async (query: string) => {
      const found = { ...stored, ...row } as unknown as Row;
      await step(nameOf(query));
      const rows = query.includes('late_events') ? onLateEventRead() : [found];
      rowsRead += rows.length;
      return rows;
    },
    run: (query: string, given: unknown[]) => send(nameOf(query), [{ query, params: given }]),
    batch: (statements: readonly Statement[]) => send(namesOf(statements), statements),
    batches: (parts: readonly (readonly Statement[])[]) => send(parts.map(namesOf).join(', '), parts.flat()),
    all: (parallel: readonly Promise<void>[]) => Promise.all(parallel).then(() => undefined),
  };
  const session = { writes: () => writes } as unknown as Session;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const retry = new BackgroundRetry({ log, withinLimit: (work) => work() });
  const messages = new CassandraMessageRepository({
    session,
    clock,
    messageIds: makeMessageIds({ clock }),
    retry,
    limits: { requestTimeout: 5_000_000, maxClockSkew: 2_000_000 },
    hints: { publish: (userIds) => void hinted.push([...userIds]) },
    eventLog: { daysToKeep: 30, start: () => positionAt(now() - 24 * HOUR) },
    keyRetentionDays: 30,
  });
  return { messages, steps, params, hinted, failing, retry, rowsRead: () => rowsRead };
}

function namesOf(statements: readonly Statement[]): string {
  return statements.map(({ query }) => nameOf(query).replace('INSERT ', '')).join(' + ');
}

const READS = [['SELECT late_events'], ['SELECT messages_by_conversation']];
const SHOWN = 'conversations_by_user + events_by_user + events_by_user';

test('an edit takes a write, two reads of one row each, and one mutation for each participant', async () => {
  const { messages, steps, rowsRead } = aProcess();
  await messages.edit({ ...change, editId: idAt(now()), content: 'Edited' });
  expect(steps).toEqual([['INSERT messages_by_conversation'], ...READS, [`${SHOWN}, ${SHOWN}`]]);
  expect(rowsRead()).toBe(1);
});

test('a deletion takes the same, and a marker that is not awaited', async () => {
  const deletionId = idAt(now());
  const { messages, steps, rowsRead } = aProcess({ deletion: deletionId });
  await messages.delete({ ...change, deletionId });
  expect(steps).toEqual([
    ['messages_by_conversation + messages_by_conversation'],
    ...READS,
    [`${SHOWN}, ${SHOWN}`],
    ['INSERT messages_by_conversation'],
  ]);
  expect(rowsRead()).toBe(1);
});

test('a repeat of a complete deletion writes neither inboxes nor logs', async () => {
  const deletionId = idAt(now());
  const { messages, steps } = aProcess({ deletion: deletionId, deletion_complete: true });
  await messages.delete({ ...change, deletionId: idAt(now() + SECOND) });
  expect(steps).toEqual([['messages_by_conversation + messages_by_conversation'], ...READS]);
});

test('an edit that finds a late event finds the deletion before it, too', async () => {
  const row = { deletion: null as string | null };
  // Another process deletes the message, after which its send agrees on a late event and ends.
  const onLateEventRead = (): Row[] => {
    row.deletion = idAt(now());
    return [{ event_id: idAt(now()) } as unknown as Row];
  };
  const { messages, steps } = aProcess(row, { onLateEventRead });
  const message = await messages.edit({ ...change, editId: idAt(now()), content: 'Edited' });
  expect(message?.content).toBeNull();
  expect(steps).toEqual([['INSERT messages_by_conversation'], ...READS]);
});

test('a change of a message that is older than the log does not write its event again', async () => {
  const old = idAt(now() - 48 * HOUR);
  const { messages, steps } = aProcess({ message_id: old });
  await messages.edit({ ...change, messageId: old, editId: idAt(now()), content: 'Edited' });
  const shown = 'conversations_by_user + events_by_user';
  expect(steps.at(-1)).toEqual([`${shown}, ${shown}`]);
});

test('no change writes a null, which would be a tombstone', async () => {
  const { messages, params } = aProcess({ deletion: idAt(now()) });
  await messages.edit({ ...change, editId: idAt(now()), content: 'Edited' });
  await messages.delete({ ...change, deletionId: idAt(now()) });
  expect(params.flat()).not.toContain(null);
});

test.each(['edit', 'delete'] as const)(
  'an %s that completes in the background publishes its hint then; otherwise the caller publishes it',
  async (kind) => {
    const changeId: EventId = idAt(now());
    const { messages, hinted, failing, retry } = aProcess(kind === 'delete' ? { deletion: changeId } : {});
    const attempt = () =>
      kind === 'edit'
        ? messages.edit({ ...change, editId: changeId, content: 'Edited' })
        : messages.delete({ ...change, deletionId: changeId });
    await attempt();
    expect(hinted).toEqual([]);
    failing.count = 1;
    await expect(attempt()).rejects.toMatchObject({ kind: 'outcome_unknown' });
    await retry.close();
    expect(hinted).toEqual([sent.participants]);
  },
);
