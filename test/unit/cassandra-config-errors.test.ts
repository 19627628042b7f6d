import { createSecureContext } from 'node:tls';
import { errors } from 'cassandra-driver';
import { describe, expect, it } from 'vitest';
import { configError, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';

const OPTIONS: CassandraOptions = {
  contactPoints: ['127.0.0.1:9042'],
  localDatacenter: 'elsewhere',
  keyspace: 'messenger',
  credentials: { username: 'messenger', password: 'secret' },
  tlsCa: null,
  tlsClient: null,
  consistency: { read: 'LOCAL_QUORUM', write: 'LOCAL_QUORUM', serial: 'LOCAL_SERIAL' },
  maxClockSkewMs: 2_000,
  eventRetentionDays: 30,
  keyRetentionDays: 30,
  requestTimeoutMs: 5_000,
};

/** The connection error of a cluster whose only node responds with `error`. */
function onlyNode(error: Error): Error {
  return new errors.NoHostAvailableError({ '127.0.0.1:9042': error });
}

describe('a configuration error', () => {
  it('is an unknown datacenter', () => {
    const error = new errors.ArgumentError(
      "localDataCenter was configured as 'elsewhere', but only found hosts in data centers: [east, west]",
    );
    expect(configError(onlyNode(error), OPTIONS)).toBe(
      'Cassandra has no datacenter elsewhere (CASSANDRA_LOCAL_DATACENTER); it has east, west.',
    );
  });

  it('is a missing keyspace', () => {
    const error = new errors.ResponseError(0x2200, "Keyspace 'messenger' does not exist");
    expect(configError(error, OPTIONS)).toMatch(/no keyspace messenger/);
  });

  it('is a wrong or missing password', () => {
    const error = new errors.AuthenticationError('Provided username messenger and/or password are incorrect');
    expect(configError(onlyNode(error), OPTIONS)).toMatch(/rejected the login with CASSANDRA_USERNAME/);
    expect(configError(onlyNode(error), { ...OPTIONS, credentials: null })).toMatch(
      /set CASSANDRA_USERNAME and CASSANDRA_PASSWORD/,
    );
  });

  it('is an unusable client certificate or private key', () => {
    const tlsClient = { cert: 'cert', key: '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n' };
    let error: unknown;
    try {
      createSecureContext({ key: tlsClient.key });
    } catch (thrown) {
      error = thrown;
    }
    expect(configError(onlyNode(error as Error), { ...OPTIONS, tlsCa: 'ca', tlsClient })).toBe(
      "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY can't be used: they are damaged, encrypted or do not match.",
    );
  });

  it('is not a failed handshake', () => {
    const error = Object.assign(new Error('wrong version number'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(configError(onlyNode(error), { ...OPTIONS, tlsCa: 'ca' })).toBeNull();
  });

  it('is not a password that the cluster temporarily cannot check', () => {
    const error = new errors.AuthenticationError(
      'Unable to perform authentication: Cannot achieve consistency level LOCAL_ONE',
    );
    expect(configError(onlyNode(error), OPTIONS)).toBeNull();
  });

  it('is not an unreachable cluster', () => {
    expect(configError(onlyNode(new Error('connect ECONNREFUSED 127.0.0.1:9042')), OPTIONS)).toBeNull();
  });
});
