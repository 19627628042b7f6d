import { describe, expect, test } from 'vitest';
import { accessSettings } from '../../src/composition/access-config.ts';
import { ConfigError, readConfig, SETTINGS, type Config } from '../../src/composition/config.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

const KEY = '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n';

const GATE = Object.keys(accessSettings(() => '').shape);

/** The existing files. */
const FILES: Readonly<Record<string, string>> = {
  '/ca.pem': PEM,
  '/client.pem': `client\n${PEM}`,
  '/client.key': KEY,
  '/locked.key': KEY.replace('BEGIN', 'BEGIN ENCRYPTED'),
  '/notes.txt': 'buy milk',
  '/password': 'p,w "d\n',
  '/password-of-windows': 'p,w "d\r\n',
  '/two-lines': 'p\n\n',
  '/empty': '\n',
};

function readText(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error('ENOENT');
  return text;
}

function configOf(env: Record<string, string>): Config {
  return readConfig(env, readText);
}

/** The lines of the configuration error. */
function errorLines(env: Record<string, string>): string[] {
  try {
    configOf(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

describe('the configuration', () => {
  const byDefault: Config = {
    port: 8000,
    host: '127.0.0.1',
    metricsPort: null,
    publicPath: '',
    webClient: true,
    storage: 'memory',
    logLevel: 'info',
    logFormat: 'auto',
    pseudonymKey: null,
    requestTimeoutMs: 5000,
    maxRequestsInFlight: 256,
    maxStreams: 10_000,
    maxStreamsPerUser: 20,
    nats: null,
    tracing: null,
    accessPolicy: {
      tokens: null,
      rateLimits: { writes: null, reads: null },
      trustedProxies: 0,
      corsOrigins: [],
    },
    cassandra: {
      contactPoints: ['127.0.0.1:9042'],
      localDatacenter: 'datacenter1',
      keyspace: 'messenger',
      credentials: null,
      tlsCa: null,
      tlsClient: null,
      consistency: { read: 'LOCAL_QUORUM', write: 'LOCAL_QUORUM', serial: 'LOCAL_SERIAL' },
      maxClockSkewMs: 2000,
      requestTimeoutMs: 5000,
      eventRetentionDays: 30,
      keyRetentionDays: 30,
    },
    replicationFactor: null,
  };

  test('of an empty environment is the default', () => {
    expect(configOf({})).toEqual(byDefault);
  });

  test('treats an empty variable as unset', () => {
    expect(configOf(Object.fromEntries(SETTINGS.map(({ name }) => [name, ''])))).toEqual(byDefault);
  });

  test('ignores variables of others', () => {
    // Kubernetes adds these for a service named cassandra.
    const env = { CASSANDRA_PORT: 'tcp://10.0.0.1:9042', CASSANDRA_SERVICE_HOST: '10.0.0.1', HOME: '/' };
    expect(configOf(env)).toEqual(byDefault);
  });

  test('uses every variable', () => {
    const env = {
      PORT: '80',
      HOST: '::1',
      METRICS_PORT: '9464',
      PUBLIC_PATH: '/chat/messenger/',
      STORAGE: 'cassandra',
      LOG_LEVEL: 'silent',
      LOG_FORMAT: 'json',
      LOG_USERS_KEY: 'sixteen or longer',
      REQUEST_TIMEOUT_MS: '1500',
      MAX_REQUESTS_IN_FLIGHT: '64',
      MAX_STREAMS: '100',
      MAX_STREAMS_PER_USER: '3',
      NATS_URL: 'tls://me:a%40b@nats-1, tls://me:a%40b@[::1]:4223',
      MAX_CLOCK_SKEW_MS: '500',
      EVENT_RETENTION_DAYS: '7',
      IDEMPOTENCY_RETENTION_DAYS: '0',
      CASSANDRA_CONTACT_POINTS: 'cassandra-1, cassandra-2:9043,10.0.0.1,[::1]:9044',
      CASSANDRA_LOCAL_DATACENTER: 'eu-west-1',
      WEB_CLIENT: 'off',
      CASSANDRA_KEYSPACE: 'chat_2',
      CASSANDRA_REPLICATION_FACTOR: '3',
      CASSANDRA_USERNAME: 'messenger',
      CASSANDRA_PASSWORD: 'p,w "d',
      CASSANDRA_TLS_CA: '/ca.pem',
      CASSANDRA_TLS_CERT: '/client.pem',
      CASSANDRA_TLS_KEY: '/client.key',
      CASSANDRA_READ_CONSISTENCY: 'ONE',
      CASSANDRA_WRITE_CONSISTENCY: 'ONE',
      CASSANDRA_ALLOW_WEAK_CONSISTENCY: 'true',
      CASSANDRA_SERIAL_CONSISTENCY: 'SERIAL',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example:4318/otlp',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    // The access policy and the password file have their own tests.
    const own = SETTINGS.map(({ name }) => name).filter(
      (name) => !GATE.includes(name) && name !== 'CASSANDRA_PASSWORD_FILE',
    );
    expect(Object.keys(env).sort()).toEqual(own.sort());
    expect(configOf(env)).toEqual({
      port: 80,
      host: '::1',
      metricsPort: 9464,
      publicPath: '/chat/messenger',
      webClient: false,
      storage: 'cassandra',
      logLevel: 'silent',
      logFormat: 'json',
      pseudonymKey: 'sixteen or longer',
      requestTimeoutMs: 1500,
      maxRequestsInFlight: 64,
      maxStreams: 100,
      maxStreamsPerUser: 3,
      nats: {
        servers: ['nats-1:4222', '[::1]:4223'],
        tls: true,
        credentials: { user: 'me', password: 'a@b' },
      },
      tracing: { sampler: 'parentbased_traceidratio', ratio: 0.25 },
      accessPolicy: configOf({}).accessPolicy,
      cassandra: {
        contactPoints: ['cassandra-1:9042', 'cassandra-2:9043', '10.0.0.1:9042', '[::1]:9044'],
        localDatacenter: 'eu-west-1',
        keyspace: 'chat_2',
        credentials: { username: 'messenger', password: 'p,w "d' },
        tlsCa: PEM,
        tlsClient: { cert: FILES['/client.pem']!, key: KEY },
        consistency: { read: 'ONE', write: 'ONE', serial: 'SERIAL' },
        maxClockSkewMs: 500,
        eventRetentionDays: 7,
        keyRetentionDays: 0,
        requestTimeoutMs: 1500,
      },
      replicationFactor: 3,
    } satisfies Config);
  });
});

test('the web client is on except in production, unless WEB_CLIENT says otherwise', () => {
  const isOn = (env: Record<string, string>): boolean => configOf(env).webClient;
  expect(isOn({ NODE_ENV: 'development' })).toBe(true);
  expect(isOn({ NODE_ENV: 'production' })).toBe(false);
  expect(isOn({ NODE_ENV: 'production', WEB_CLIENT: 'on' })).toBe(true);
  expect(isOn({ NODE_ENV: 'production', WEB_CLIENT: '' })).toBe(false);
  expect(errorLines({ WEB_CLIENT: 'yes' })).toEqual(['WEB_CLIENT must be one of on, off']);
});

describe('the broker of hints', () => {
  test.each([
    'nats',
    'http://nats:4222',
    'nats://',
    'nats://user@nats',
    'nats://nats/subject',
    'nats://nats?a=b',
    'nats://a,',
  ])('is not at %s', (NATS_URL) => {
    expect(errorLines({ NATS_URL })).toEqual([
      'NATS_URL must be a list of URLs like nats://nats:4222, with both a user and a password or none',
    ]);
  });

  test('has one scheme and login for all URLs', () => {
    expect(errorLines({ NATS_URL: 'nats://a,tls://b' })).toEqual([
      'NATS_URL must have the same scheme, user and password in all its URLs',
    ]);
  });
});

describe('the password of Cassandra', () => {
  test.each([
    ['/password', 'p,w "d'],
    ['/password-of-windows', 'p,w "d'],
    ['/two-lines', 'p\n'],
  ])('may be in a file, of which the newline at the end is no part: %s', (path, password) => {
    const { cassandra } = configOf({ CASSANDRA_USERNAME: 'a', CASSANDRA_PASSWORD_FILE: path });
    expect(cassandra.credentials).toEqual({ username: 'a', password });
  });

  test('is refused if it is set twice', () => {
    const env = { CASSANDRA_USERNAME: 'a', CASSANDRA_PASSWORD: 'b', CASSANDRA_PASSWORD_FILE: '/password' };
    expect(errorLines(env)).toEqual([
      'CASSANDRA_PASSWORD_FILE and CASSANDRA_PASSWORD are both set: set only one of them',
    ]);
  });

  test('requires a user name, even from a file', () => {
    expect(errorLines({ CASSANDRA_PASSWORD_FILE: '/password' })).toEqual([
      'CASSANDRA_USERNAME is missing, but CASSANDRA_PASSWORD_FILE is set',
    ]);
  });
});

describe('the certificate of this client', () => {
  const tls = {
    CASSANDRA_TLS_CA: '/ca.pem',
    CASSANDRA_TLS_CERT: '/client.pem',
    CASSANDRA_TLS_KEY: '/client.key',
  };

  test.each(['CASSANDRA_TLS_CERT', 'CASSANDRA_TLS_KEY'])('is refused without the other half: %s', (name) => {
    expect(errorLines({ ...tls, [name]: '' })).toEqual([
      'CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY belong together: set both or none',
    ]);
  });

  test('is refused without TLS', () => {
    expect(errorLines({ ...tls, CASSANDRA_TLS_CA: '' })).toEqual([
      expect.stringMatching(/^CASSANDRA_TLS_CA is missing, but CASSANDRA_TLS_CERT is set/),
    ]);
  });
});

describe('a bad environment', () => {
  const ports = ['-1', '65536', '80.5', '0x50', '1e3', ' 80', 'http', '99999999999', '８０'];
  test.each<[string, readonly string[]]>([
    ['PORT', ports],
    ['METRICS_PORT', [...ports, '8000']],
    [
      'PUBLIC_PATH',
      [
        'messenger',
        '//',
        '/a//b',
        '/..',
        '/a/../b',
        '/.',
        '/a?b',
        '/a#b',
        '/a b',
        '/ä',
        '/%2e',
        "/'",
        '/<',
        'http://a/b',
      ],
    ],
    ['STORAGE', ['redis', 'Memory']],
    ['LOG_LEVEL', ['loud', 'INFO']],
    ['LOG_FORMAT', ['JSON', 'text']],
    ['LOG_USERS_KEY', ['short', 'fifteen letters']],
    ['REQUEST_TIMEOUT_MS', ['0', '99', '600001', 'soon', 'Infinity']],
    ['MAX_CLOCK_SKEW_MS', ['0', '-5']],
    [
      'CASSANDRA_CONTACT_POINTS',
      [',', 'a,,b', 'a:b', 'a:0', 'a:65536', 'a:', 'a b', 'a:1:2', '::1', '[::1]', 'cql://a', 'a@b', 'a;b'],
    ],
    ['CASSANDRA_LOCAL_DATACENTER', ["dc'1", 'dc 1', 'dc"1', 'dc;']],
    ['CASSANDRA_KEYSPACE', ['Messenger', '1a', 'a-b', 'a b', 'a;DROP', '"a"', 'a'.repeat(49)]],
    ['CASSANDRA_REPLICATION_FACTOR', ['0', '101', 'three']],
    ['CASSANDRA_READ_CONSISTENCY', ['ANY', 'quorum', 'LOCAL_SERIAL', 'toString']],
    ['CASSANDRA_WRITE_CONSISTENCY', ['local_quorum', 'SERIAL', 'constructor']],
    ['CASSANDRA_ALLOW_WEAK_CONSISTENCY', ['1', 'yes', 'TRUE']],
    ['CASSANDRA_SERIAL_CONSISTENCY', ['QUORUM', 'serial']],
    ['CASSANDRA_PASSWORD_FILE', ['/missing', '/empty']],
    ['CASSANDRA_TLS_CA', ['/missing.pem', '/notes.txt', '/client.key']],
    ['CASSANDRA_TLS_CERT', ['/missing.pem', '/notes.txt', '/client.key']],
    ['CASSANDRA_TLS_KEY', ['/missing.pem', '/notes.txt', '/client.pem', '/locked.key']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318', 'grpc://collector', 'http://', '4318', 'on']],
    ['OTEL_TRACES_SAMPLER', ['all', 'ALWAYS_ON', 'jaeger_remote']],
    ['OTEL_TRACES_SAMPLER_ARG', ['1.5', '-0.1', '.5', '1e-3', '10%', 'Infinity']],
  ])('is named: %s', (name, texts) => {
    for (const text of texts) {
      expect(errorLines({ [name]: text }), text).toEqual([
        expect.stringMatching(new RegExp(`^${name} must `)),
      ]);
    }
  });

  test('is reported with all its errors', () => {
    expect(
      errorLines({
        PORT: 'x',
        STORAGE: 'x',
        CASSANDRA_TLS_CA: 'x',
        CASSANDRA_PASSWORD: 'x',
        CASSANDRA_READ_CONSISTENCY: 'ONE',
      }).map((line) => line.split(' ')[0]),
    ).toEqual(['PORT', 'STORAGE', 'CASSANDRA_TLS_CA', 'CASSANDRA_USERNAME', 'CASSANDRA_READ_CONSISTENCY']);
  });

  test('is not quoted, because a misplaced value may be a secret', () => {
    for (const { name } of SETTINGS) {
      expect(errorLines({ [name]: 'hunter 2' }).join('\n')).not.toContain('hunter');
    }
  });

  test('includes a user name without a password, and the reverse', () => {
    expect(errorLines({ CASSANDRA_USERNAME: 'a' })).toEqual([
      'CASSANDRA_PASSWORD is missing, but CASSANDRA_USERNAME is set',
    ]);
    expect(errorLines({ CASSANDRA_PASSWORD: 'a' })).toEqual([
      'CASSANDRA_USERNAME is missing, but CASSANDRA_PASSWORD is set',
    ]);
  });

  test.each([
    ['ONE', 'ONE'],
    ['LOCAL_ONE', 'LOCAL_QUORUM'],
    ['LOCAL_QUORUM', 'ANY'],
  ])('may be a read at %s that can miss a write at %s', (read, write) => {
    const env = { CASSANDRA_READ_CONSISTENCY: read, CASSANDRA_WRITE_CONSISTENCY: write };
    expect(errorLines(env)).toEqual([expect.stringContaining('do not overlap')]);
    expect(errorLines({ ...env, CASSANDRA_ALLOW_WEAK_CONSISTENCY: 'false' })).toHaveLength(1);
    expect(errorLines({ ...env, CASSANDRA_ALLOW_WEAK_CONSISTENCY: 'true' })).toEqual([]);
  });
});

test('the list of settings has a default and a description for each', () => {
  expect(SETTINGS.find(({ name }) => name === 'PORT')).toEqual({
    name: 'PORT',
    byDefault: '8000',
    about: expect.stringContaining('port') as string,
  });
  for (const { about } of SETTINGS) expect(about).not.toBe('');
  // Setting the listed defaults gives the default configuration.
  const defaults = SETTINGS.flatMap(({ name, byDefault }) => (byDefault === null ? [] : [[name, byDefault]]));
  expect(configOf(Object.fromEntries(defaults) as Record<string, string>)).toEqual(configOf({}));
});
