import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import { EventStreams } from '../../src/adapters/http/event-streams.ts';
import { makeMemoryHints } from '../../src/adapters/memory/hints.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { Overload } from '../../src/application/overload.ts';
import {
  ALWAYS_VERIFIED,
  ClockNotVerified,
  type ClockCheck,
} from '../../src/application/ports/clock-check.ts';
import { wrapStorage, type Storage } from '../../src/application/ports/storage.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import { needsClock, USE_CASE_NAMES, USE_CASES } from '../../src/application/use-cases.ts';
import { buildContainer } from '../../src/composition/container.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';

const folder = new URL('../../src/adapters/http/', import.meta.url);

test.each(readdirSync(new URL('routes/', folder)))('the app adds the routes of routes/%s', (file) => {
  const app = readFileSync(new URL('app.ts', folder), 'utf8');
  const [, add] = new RegExp(`import \\{ (add\\w+).* from './routes/${file}'`).exec(app) ?? [];
  expect(add, 'app.ts does not import it').toBeDefined();
  expect(app).toContain(`${add}(app,`);
});

const clock = makeClock();
const messageIds = makeMessageIds({ clock });
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

function containerOver(
  storage: Storage,
  changed: { requestTimeoutMs?: number; maxRequestsInFlight?: number; clockCheck?: ClockCheck } = {},
) {
  const docsAssets = () => Promise.resolve(null);
  return buildContainer({
    storage,
    clock,
    clockCheck: ALWAYS_VERIFIED,
    messageIds,
    telemetry: NOOP_TELEMETRY,
    tracing: null,
    metrics: null,
    log: silent,
    pseudonymize: null,
    build: { version: '0.0.0', commit: null },
    docsAssets,
    webAssets: null,
    publicPath: '',
    accessPolicy: ALLOW_ALL,
    hints: makeMemoryHints(),
    pollIntervalMs: 15_000,
    visibilityWindow: 12_000_000,
    streams: new EventStreams(),
    requestTimeoutMs: 5000,
    maxRequestsInFlight: 256,
    ...changed,
  });
}

describe('the container', () => {
  test('serves every use case over the storage that it was given', async () => {
    const storage = memoryStorage();
    const useCases = containerOver(storage).resolve('useCases');
    expect(Object.keys(useCases).sort()).toEqual(Object.keys(USE_CASES).sort());
    const { user } = await useCases.saveUser({ caller: SERVICE, userId: 'ada' as UserId, username: 'Ada' });
    expect(await storage.users.find(user.id)).toEqual(user);
  });

  test('applies the request timeout to every use case', async () => {
    const storage = memoryStorage();
    const hanging = wrapStorage(storage, () => () => new Promise(() => undefined));
    const useCases = containerOver(hanging, { requestTimeoutMs: 1 }).resolve('useCases');
    const userId = 'ada' as UserId;
    await expect(useCases.getUser({ userId })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(useCases.saveUser({ caller: SERVICE, userId, username: 'Ada' })).rejects.toMatchObject({
      kind: 'outcome_unknown',
    });
  });

  test('counts the work of a use case in the concurrency limit even after its timeout', async () => {
    const storage = memoryStorage();
    let answer = (): void => undefined;
    const slow = withBreakage(storage, {
      users: { find: () => new Promise((resolve) => (answer = () => resolve(null))) },
    });
    const { resolve } = containerOver(slow, { requestTimeoutMs: 1, maxRequestsInFlight: 1 });
    const { getUser, saveUser } = resolve('useCases');
    const userId = 'ada' as UserId;
    await expect(getUser({ userId })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(saveUser({ caller: SERVICE, userId, username: 'Ada' })).rejects.toThrow(Overload);
    answer();
    // The slot is free when the work has ended.
    await new Promise(setImmediate);
    await expect(saveUser({ caller: SERVICE, userId, username: 'Ada' })).resolves.toMatchObject({
      created: true,
    });
  });

  test.each(USE_CASE_NAMES)(
    '%s requires a verified clock if it is a command or depends on the time',
    async (name) => {
      const began: string[] = [];
      const storage = wrapStorage(memoryStorage(), (method, name) => (...given) => {
        began.push(name);
        return method(...given);
      });
      const clockCheck = { verified: () => Promise.reject(new ClockNotVerified()) };
      const useCases = containerOver(storage, { clockCheck }).resolve('useCases') as unknown as Record<
        string,
        (question: object) => Promise<unknown>
      >;
      const caller = SERVICE;
      const question = { caller, userId: 'ada', senderId: 'ada', receiverId: 'ben', content: 'Hello' };
      const outcome = await useCases[name]!({
        ...question,
        username: 'Ada',
        participantIds: ['ada', 'ben'],
        idempotencyKey: null,
        conversationId: 'c',
        before: null,
        page: null,
        limit: 1,
      }).catch((error: unknown) => error);
      expect(outcome instanceof ClockNotVerified).toBe(needsClock(name));
      expect(began.length > 0).toBe(!needsClock(name));
    },
  );

  test('reports the readiness problems of storage in its app', async () => {
    const missing = () => Promise.resolve(['The disk is full.']);
    const app = containerOver({ ...memoryStorage(), readinessProblems: missing }).resolve('app');
    const answer = await app.request('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('The disk is full.');
  });
});
