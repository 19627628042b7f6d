import { Client, errors, type types } from 'cassandra-driver';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { clientOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { makeStartConversation } from '../../src/application/start-conversation.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import { freshKeyspace, openStorage } from './cluster.ts';
import { freshKey, freshUsers, HOUR, idAt, now, appendRequest, top } from '../contracts/fixtures.ts';
import { guardedLog } from '../support/log-leak-guard.ts';

let options: CassandraOptions;
beforeAll(async () => {
  options = await freshKeyspace();
  await (await openStorage(options)).close();
});

/** Reads that match `failing` fail, like in an outage that starts then; claims lose their first response. */
class OutageClient extends Client {
  failing: RegExp | null = null;
  loseFirstClaimAnswer = false;
  override async execute(query: string, ...rest: unknown[]): Promise<types.ResultSet> {
    if (this.failing?.test(query)) throw new errors.OperationTimedOutError('no answer', 'somewhere');
    const answer = await super.execute(query, ...(rest as []));
    if (this.loseFirstClaimAnswer && query.includes('messages_by_idempotency_key')) {
      this.loseFirstClaimAnswer = false;
      throw new errors.OperationTimedOutError('lost on the way back', 'somewhere');
    }
    return answer;
  }
}

async function open() {
  const clock: Clock = makeClock();
  const client = new OutageClient(clientOptions(options));
  const storage = openCassandraStorage({
    options,
    clock,
    client,
    log: guardedLog,
    messageIds: makeMessageIds({ clock }),
  });
  onTestFinished(() => storage.close());
  await storage.started;
  return { storage, client, clock };
}

const kindOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'acknowledged',
    (error: unknown) => (error instanceof StorageFailure ? error.kind : error),
  );

describe('`unavailable` means that nothing was stored', () => {
  it('for a late send with a key whose marker read fails', async () => {
    const { storage, client } = await open();
    const send = { ...appendRequest(freshUsers(), idAt(now() - HOUR), 'Hello', freshKey()), isLive: true };
    client.failing = /SELECT [^]*delivered/;
    const kind = await kindOf(storage.messages.append(send));
    client.failing = null;
    const stored = await storage.messages.listBefore(send.message.conversationId, top(1));
    const inbox = await storage.conversations.listByUser(send.participants[0]!, top(1));
    expect([stored.length, inbox.length], 'it is in the history and the inbox').toEqual([1, 1]);
    expect(kind).toBe('outcome_unknown');
  });

  it('for a send whose claim was stored with a lost response', async () => {
    const { storage, client } = await open();
    const send = { ...appendRequest(freshUsers(), idAt(now()), 'Hello', freshKey()), isLive: true };
    client.loseFirstClaimAnswer = true;
    client.failing = /SELECT [^]*delivered/;
    const kind = await kindOf(storage.messages.append(send));
    client.failing = null;
    const other = { ...send, message: { ...send.message, id: idAt(now()), content: 'Another body' } };
    expect(await storage.messages.append(other), 'the key is taken').toEqual({ outcome: 'key_reused' });
    expect(kind).toBe('outcome_unknown');
  });

  it.each(['edit', 'delete'] as const)('for an %s whose late event could not be read', async (kind) => {
    const { storage, client } = await open();
    const send = appendRequest(freshUsers(), idAt(now() - 1_000), 'Hello');
    await storage.messages.append(send);
    const { conversationId, id: messageId } = send.message;
    const change = { conversationId, messageId, participants: send.participants };
    client.failing = /SELECT [^]*late_events/;
    const changeId = idAt(now());
    const outcome = await kindOf(
      kind === 'edit'
        ? storage.messages.edit({ ...change, editId: changeId, content: 'Edited' })
        : storage.messages.delete({ ...change, deletionId: changeId }),
    );
    const [stored] = await storage.messages.find(conversationId, [messageId]);
    expect(stored?.content, 'it is stored').toBe(kind === 'edit' ? 'Edited' : null);
    expect(outcome).toBe('outcome_unknown');
    client.failing = null;
    // The background retry completes it.
    await expect
      .poll(async () => {
        const [entry] = await storage.conversations.listByUser(send.participants[0]!, top(1));
        return entry?.lastMessage?.preview;
      })
      .toBe(kind === 'edit' ? 'Edited' : null);
  });

  it('for a started conversation that could not be read', async () => {
    const { storage, client, clock } = await open();
    const messageIds = makeMessageIds({ clock });
    const deps = { ...storage, messageIds, conversationIdOf };
    let calls = 0;
    const conversations = {
      find: (id: never) => {
        calls += 1;
        if (calls === 2) client.failing = /SELECT/;
        return storage.conversations.find(id);
      },
      start: (c: never) => storage.conversations.start(c),
      isInInbox: (a: never, b: never) => storage.conversations.isInInbox(a, b),
    } as never;
    const start = makeStartConversation({ ...deps, conversations });
    const [ann, bob] = freshUsers();
    const kind = await kindOf(
      start({ caller: { kind: 'user', userId: ann } as never, participantIds: [ann, bob] }),
    );
    client.failing = null;
    expect(await storage.conversations.listByUser(bob, top(1)), 'it is in the inbox').toHaveLength(1);
    expect(kind).toBe('outcome_unknown');
  });
});
