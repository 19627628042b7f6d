import { errors, types } from 'cassandra-driver';
import { describe, expect, it } from 'vitest';
import { readFailure, writeFailure } from '../../src/adapters/cassandra/failures.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';

const { responseErrorCodes: codes } = types;

const answered = (code: number): Error => new errors.ResponseError(code, 'as Cassandra words it');
const timedOut = (): Error => new errors.OperationTimedOutError('no answer', '127.0.0.1:9042');
const unreached = (innerErrors: Record<string, unknown>): Error =>
  new errors.NoHostAvailableError(innerErrors);
const socketError = (requestNotWritten: boolean): Error =>
  Object.assign(new Error('socket closed'), { isSocketError: true, requestNotWritten });

const kindOf = (failure: unknown): string =>
  failure instanceof StorageFailure ? failure.kind : `not a failure of storage: ${String(failure)}`;

const DEFINITELY_NOT_APPLIED: Record<string, Error> = {
  'too few replicas are alive': answered(codes.unavailableException),
  'the coordinator is overloaded': answered(codes.overloaded),
  'the coordinator is starting': answered(codes.isBootstrapping),
  'every connection is busy': new errors.BusyConnectionError('127.0.0.1:9042', 2048, 1),
  'every node is down': unreached({ a: 'Host considered as DOWN', b: new Error('No connection available') }),
  'the socket broke before the request was written': unreached({ a: socketError(true) }),
  'no node is known': unreached({}),
};

const MAY_HAVE_APPLIED: Record<string, Error> = {
  'the client gave up waiting': timedOut(),
  'a replica did not answer in time': answered(codes.writeTimeout),
  'a replica failed': answered(codes.writeFailure),
  'the coordinator failed': answered(codes.serverError),
  'one node of several timed out': unreached({ a: 'Host considered as DOWN', b: timedOut() }),
  'one node of several has not answered': unreached({ a: 'Host considered as DOWN', b: null }),
  'the socket broke afterwards': unreached({ a: socketError(false) }),
};

describe('a write that failed', () => {
  it.each(Object.entries(DEFINITELY_NOT_APPLIED))('is unavailable when %s', (_, error) => {
    expect(kindOf(writeFailure(error, false))).toBe('unavailable');
  });

  it.each(Object.entries({ ...DEFINITELY_NOT_APPLIED, ...MAY_HAVE_APPLIED }))(
    'has an unknown outcome when %s after an attempt that may have been applied',
    (_, error) => {
      expect(kindOf(writeFailure(error, true))).toBe('outcome_unknown');
    },
  );

  it.each(Object.entries(MAY_HAVE_APPLIED))('has an unknown outcome when %s', (_, error) => {
    expect(kindOf(writeFailure(error, false))).toBe('outcome_unknown');
  });
});

describe('a read that failed', () => {
  it.each(Object.entries({ ...DEFINITELY_NOT_APPLIED, ...MAY_HAVE_APPLIED }))(
    'is unavailable when %s',
    (_, error) => {
      expect(kindOf(readFailure(error))).toBe('unavailable');
    },
  );
});

describe('a bug', () => {
  it.each([
    answered(codes.syntaxError),
    answered(codes.invalid),
    answered(codes.unauthorized),
    new TypeError('not a valid uuid'),
  ])('is not converted: %s', (error) => {
    expect(readFailure(error)).toBe(error);
    expect(writeFailure(error, true)).toBe(error);
  });
});

it('keeps its cause, which only the log shows', () => {
  const failure = readFailure(timedOut()) as StorageFailure;
  expect(failure.message).not.toContain('127.0.0.1');
  expect(failure.cause).toBeInstanceOf(errors.OperationTimedOutError);
});
