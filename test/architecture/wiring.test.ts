import { describe, expect, test } from 'vitest';
import { OPEN_GATE } from '../../src/adapters/http/gate.ts';
import { makeMemoryStorage } from '../../src/adapters/memory/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { Overload } from '../../src/application/admission.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { UNWATCHED } from '../../src/application/ports/telemetry.ts';
import { EFFECTS } from '../../src/application/use-cases.ts';
import { buildContainer } from '../../src/composition/container.ts';
import { TOKENS } from '../../src/composition/tokens.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';

const clock = makeClock();
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

function containerOver(
  storage: Storage,
  limits: { requestTimeoutMs?: number; maxRequestsInFlight?: number } = {},
) {
  const messageIds = makeMessageIds({ clock });
  const docsAssets = () => Promise.resolve(null);
  return buildContainer({
    storage,
    clock,
    messageIds,
    telemetry: UNWATCHED,
    tracing: null,
    metrics: null,
    log: silent,
    userNames: null,
    build: { version: '0.0.0', commit: null },
    docsAssets,
    publicPath: '',
    gate: OPEN_GATE,
    requestTimeoutMs: 5000,
    maxRequestsInFlight: 256,
    ...limits,
  });
}

test.each(Object.entries(TOKENS))('%s resolves, to one value', (_, token) => {
  const { take } = containerOver(makeMemoryStorage());
  expect(take<unknown>(token)).toBeDefined();
  expect(take<unknown>(token)).toBe(take<unknown>(token));
});

describe('the container', () => {
  test('serves every use case over the storage that it was given', async () => {
    const storage = makeMemoryStorage();
    const useCases = containerOver(storage).take(TOKENS.useCases);
    expect(Object.keys(useCases).sort()).toEqual(Object.keys(EFFECTS).sort());
    const { user } = await useCases.saveUser({ caller: SERVICE, userId: 'ada' as UserId, username: 'Ada' });
    expect(await storage.users.find(user.id)).toEqual(user);
  });

  test('bounds every use case by the time of a request', async () => {
    const storage = makeMemoryStorage();
    const hanging: Storage = {
      ...storage,
      users: { find: () => new Promise(() => undefined), save: () => new Promise(() => undefined) },
    };
    const useCases = containerOver(hanging, { requestTimeoutMs: 1 }).take(TOKENS.useCases);
    const userId = 'ada' as UserId;
    await expect(useCases.getUser({ userId })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(useCases.saveUser({ caller: SERVICE, userId, username: 'Ada' })).rejects.toMatchObject({
      kind: 'outcome_unknown',
    });
  });

  test('gives a place to the work of a question, also after its asker was told to wait no longer', async () => {
    const storage = makeMemoryStorage();
    let answer = (): void => undefined;
    const slow: Storage = {
      ...storage,
      users: {
        find: () => new Promise((resolve) => (answer = () => resolve(null))),
        save: (user) => storage.users.save(user),
      },
    };
    const { take } = containerOver(slow, { requestTimeoutMs: 1, maxRequestsInFlight: 1 });
    const { getUser, saveUser } = take(TOKENS.useCases);
    const userId = 'ada' as UserId;
    await expect(getUser({ userId })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(saveUser({ caller: SERVICE, userId, username: 'Ada' })).rejects.toThrow(Overload);
    answer();
    // The place is free once the work's own end has been heard.
    await new Promise(setImmediate);
    await expect(saveUser({ caller: SERVICE, userId, username: 'Ada' })).resolves.toMatchObject({
      created: true,
    });
  });

  test('tells by its app what storage misses', async () => {
    const missing = () => Promise.resolve(['The sun does not shine.']);
    const app = containerOver({ ...makeMemoryStorage(), missing }).take(TOKENS.app);
    const answer = await app.request('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('The sun does not shine.');
  });
});
