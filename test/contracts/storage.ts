import assert from 'node:assert/strict';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import {
  conversationOf,
  freshUsers,
  idAt,
  MINUTE,
  NOON,
  appendRequest,
  conversationIdFor,
  top,
} from './fixtures.ts';
import type { Contract, StorageSubject } from './contract.ts';

/** All stored data of a user and a conversation. */
async function storedData(storage: Storage, id: ConversationId, userId: UserId): Promise<readonly unknown[]> {
  const { messages, conversations, users } = storage;
  return [
    await messages.listBefore(id, top(100)),
    await conversations.find(id),
    await conversations.listByUser(userId, top(100)),
    await users.find(userId),
  ];
}

/** Overwrites every writable property in `value`. */
function overwrite(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const name of Object.keys(value)) {
    overwrite(Reflect.get(value, name));
    Reflect.set(value, name, 'spoilt');
  }
}

export const storageContract = {
  'a working storage reports no readiness problems': async ({ processes }) => {
    for (const storage of processes) assert.deepEqual(await storage.readinessProblems(), []);
  },

  'changes to arguments and results do not change stored data': async ({ processes: [here] }) => {
    const [anna, ben] = freshUsers();
    const sent = appendRequest([anna, ben], idAt(NOON));
    const started = conversationOf([anna], idAt(NOON));
    const user = { id: anna, username: 'Anna', createdAt: NOON };
    const given = [
      await here.messages.append(sent),
      await here.conversations.start(started),
      await here.users.save(user),
    ];
    const readAll = async (): Promise<unknown> => [
      await storedData(here, conversationIdFor(anna, ben), anna),
      await storedData(here, conversationIdFor(anna), anna),
    ];
    const before = structuredClone(await readAll());
    for (const value of [sent, started, user, given, await readAll()]) overwrite(value);
    assert.deepEqual(await readAll(), before);
  },

  'a write in progress when a process closes is completed': async ({ processes: [here], open }) => {
    const users = freshUsers();
    const closing = await open();
    const sent = Array.from({ length: 20 }, (_, n) => appendRequest(users, idAt(NOON + n * MINUTE)));
    const writes = sent.map((one) => closing.messages.append(one));
    await closing.close();
    const outcomes = await Promise.allSettled(writes);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      sent.map(() => 'fulfilled'),
    );
    const found = await here.messages.listBefore(conversationIdFor(...users), top(100));
    assert.equal(found.length, sent.length);
  },
} satisfies Contract<StorageSubject>;
