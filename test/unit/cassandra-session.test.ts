import { setTimeout as pause } from 'node:timers/promises';
import { errors, types, type Client, type QueryOptions } from 'cassandra-driver';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeSession, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';

const { responseErrorCodes: codes, consistencies } = types;

const answered = (code: number, coordinator = 'node 0'): Error =>
  Object.assign(new errors.ResponseError(code, 'as Cassandra words it'), { coordinator });

const NODES = ['node 0', 'node 1', 'node 2'];
const DATACENTER = 'datacenter1';

const OK = {
  rows: [],
  info: { speculativeExecutions: 0 },
  first: () => ({ '[applied]': true }),
} as unknown as types.ResultSet;

/** A session over a client with this `execute` and this `batch`. */
function sessionOver(
  execute: (query: string, options: QueryOptions) => Promise<types.ResultSet>,
  transactionTimeoutMs = 0,
  batch: (statements: readonly Statement[]) => Promise<types.ResultSet> = () => Promise.resolve(OK),
): Session {
  const hosts = NODES.map((address) => ({ address, datacenter: DATACENTER, isUp: () => true }));
  const client = {
    hosts: { values: () => hosts },
    execute: (query: string, _params: unknown, options: QueryOptions) => execute(query, options),
    batch,
  } as unknown as Client;
  return makeSession(client, () => true, {
    consistency: {
      read: consistencies.localQuorum,
      write: consistencies.localQuorum,
      serial: consistencies.localSerial,
    },
    localDatacenter: DATACENTER,
    readTimeoutMs: 4_500,
    transactionTimeoutMs,
  });
}

async function failureOf(work: Promise<unknown>): Promise<StorageFailure> {
  const failure: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(StorageFailure);
  return failure as StorageFailure;
}

describe('parallel writes', () => {
  const REFUSED = 'INSERT INTO refused (id) VALUES (?)';
  const SLOW = 'INSERT INTO slow (id) VALUES (?)';
  const SLOWLY_LOST = 'INSERT INTO slowly_lost (id) VALUES (?)';

  const settled: string[] = [];
  const execute = async (query: string): Promise<types.ResultSet> => {
    if (query !== REFUSED) await pause(45);
    settled.push(query);
    if (query === SLOW) return OK;
    throw query === REFUSED
      ? answered(codes.unavailableException)
      : new errors.OperationTimedOutError('no answer', 'node 0');
  };

  /** Runs the statements in parallel; returns the failure and which statements had settled by then. */
  const run = async (...queries: string[]) => {
    settled.length = 0;
    const writes = sessionOver(execute).writes();
    const failure = await failureOf(writes.all(queries.map((query) => writes.run(query, []))));
    return { kind: failure.kind, settled: [...settled] };
  };

  it('fail with an unknown outcome if one was refused before another was applied', async () => {
    expect(await run(REFUSED, SLOW)).toEqual({ kind: 'outcome_unknown', settled: [REFUSED, SLOW] });
    expect(await run(SLOW, REFUSED)).toEqual({ kind: 'outcome_unknown', settled: [REFUSED, SLOW] });
  });

  it('fail with an unknown outcome if one was refused and the other is lost', async () => {
    const settledInTheEnd = [REFUSED, SLOWLY_LOST];
    expect(await run(REFUSED, SLOWLY_LOST)).toEqual({ kind: 'outcome_unknown', settled: settledInTheEnd });
  });

  it('are unavailable if all were refused', async () => {
    expect(await run(REFUSED, REFUSED)).toEqual({ kind: 'unavailable', settled: [REFUSED, REFUSED] });
  });

  it('do not convert a bug in one of them', async () => {
    const bug = new TypeError('not a valid uuid');
    const writes = sessionOver(async (query) => {
      if (query === SLOW) throw bug;
      throw answered(codes.unavailableException);
    }).writes();
    const all = writes.all([writes.run(REFUSED, []), writes.run(SLOW, [])]);
    await expect(all).rejects.toBe(bug);
  });

  it('give later failures an unknown outcome', async () => {
    const writes = sessionOver(execute).writes();
    await writes.all([writes.run(SLOW, [])]);
    expect((await failureOf(writes.run(REFUSED, []))).kind).toBe('outcome_unknown');
  });
});

describe('writes to several partitions', () => {
  const partOf = (user: number): Statement[] =>
    ['inboxes', 'logs'].map((table) => ({ query: `INSERT INTO ${table} (user) VALUES (?)`, params: [user] }));

  it('take a request for every four of them', async () => {
    const requests: unknown[][] = [];
    const session = sessionOver(
      () => Promise.reject(new Error('no single statement')),
      0,
      async (statements) => {
        requests.push(statements.map(({ params }) => params[0]));
        return OK;
      },
    );
    await session.writes().batches([0, 1, 2, 3, 4, 5].map(partOf));
    expect(requests).toEqual([
      [0, 0, 1, 1, 2, 2, 3, 3],
      [4, 4, 5, 5],
    ]);
    await session.writes().batches([]);
    expect(requests).toHaveLength(2);
  });

  it.each([
    [1, 'unavailable'],
    [2, 'outcome_unknown'],
  ])('%i of them: a refusal is %s, since Cassandra may have begun with others', async (count, kind) => {
    const session = sessionOver(
      () => Promise.resolve(OK),
      0,
      () => Promise.reject(answered(codes.unavailableException)),
    );
    const parts = Array.from({ length: count }, (_, user) => partOf(user));
    expect((await failureOf(session.writes().batches(parts))).kind).toBe(kind);
  });
});

describe('a read', () => {
  const READ = 'SELECT content FROM messages_by_conversation WHERE conversation_id = ?';

  /** Reads over nodes; those in `failing` respond with `code`. The driver picks the first node that is not excluded. */
  const read = async (code: number, ...failing: string[]) => {
    const asked: string[] = [];
    const session = sessionOver(async (_query, { host }) => {
      const coordinator = host?.address ?? 'node 0';
      asked.push(coordinator);
      if (failing.includes(coordinator)) throw answered(code, coordinator);
      return OK;
    });
    const failure = await session.read(READ, []).then(
      () => null,
      (error: unknown) => error,
    );
    return { asked, failure };
  };

  it('goes to another coordinator when a replica fails, as with a corrupt SSTable', async () => {
    const { asked, failure } = await read(codes.readFailure, 'node 0');
    expect(asked).toEqual(['node 0', 'node 1']);
    expect(failure).toBeNull();
  });

  it('is unavailable if that one fails too', async () => {
    const { asked, failure } = await read(codes.readFailure, ...NODES);
    expect(asked).toHaveLength(2);
    expect(failure).toMatchObject({ kind: 'unavailable' });
  });

  it('is not repeated if the statement is invalid', async () => {
    const { asked, failure } = await read(codes.invalid, 'node 0');
    expect(asked).toEqual(['node 0']);
    expect(failure).not.toBeInstanceOf(StorageFailure);
  });
});

describe('a transaction', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const CLAIM = 'INSERT INTO messages_by_idempotency_key (sender_id) VALUES (?) IF NOT EXISTS';

  it('leaves the choice of the node to the driver, which avoids hanging nodes, and may be hedged', async () => {
    const options: QueryOptions[] = [];
    const session = sessionOver(async (_query, given) => {
      options.push(given);
      if (options.length < 3) throw answered(codes.writeTimeout);
      return OK;
    }, 1_000);
    const result = session.writes().compareAndSet(CLAIM, []);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await result).toEqual({ '[applied]': true });
    expect(options).toHaveLength(3);
    for (const { host, isIdempotent } of options)
      expect({ host, isIdempotent }).toEqual({ isIdempotent: true });
  });

  it('fails with an unknown outcome after its timeout if an attempt may have been applied', async () => {
    let attempts = 0;
    const session = sessionOver(async () => {
      attempts += 1;
      throw answered(attempts === 1 ? codes.writeTimeout : codes.unavailableException);
    }, 200);
    const failure = failureOf(session.writes().compareAndSet(CLAIM, []));
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await failure).kind).toBe('outcome_unknown');
    expect(attempts).toBeGreaterThan(1);
  });

  it('is unavailable if each attempt was refused', async () => {
    const session = sessionOver(async () => {
      throw answered(codes.unavailableException);
    }, 100);
    const failure = failureOf(session.writes().compareAndSet(CLAIM, []));
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await failure).kind).toBe('unavailable');
  });
});
