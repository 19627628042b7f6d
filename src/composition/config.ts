import { z } from 'zod';
import { overlap, READ_CONSISTENCIES, WRITE_CONSISTENCIES } from '../adapters/cassandra/consistency.ts';
import type { CassandraOptions } from '../adapters/cassandra/storage.ts';
import type { NatsOptions } from '../adapters/nats/hints.ts';
import { SAMPLERS, type Sampling } from '../adapters/opentelemetry/sampling.ts';
import { accessOptions, accessSettings, type AccessOptions } from './access-config.ts';
import { fileText, oneOf, secretFile, wholeNumber } from './setting-types.ts';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** `auto` means `pretty` in a terminal and `json` otherwise. */
const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;

const CONSISTENCIES = z.object({
  CASSANDRA_READ_CONSISTENCY: oneOf(READ_CONSISTENCIES)
    .prefault('LOCAL_QUORUM')
    .describe('consistency level of reads'),
  CASSANDRA_WRITE_CONSISTENCY: oneOf(WRITE_CONSISTENCIES)
    .prefault('LOCAL_QUORUM')
    .describe('consistency level of writes'),
  CASSANDRA_ALLOW_WEAK_CONSISTENCY: oneOf(['true', 'false'])
    .prefault('false')
    .describe('`true` allows levels that do not overlap; reads can then miss acknowledged writes'),
});

const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (RSA |EC )?PRIVATE KEY-----/;

/** Cassandra can't store a row whose time to live ends after January 2038. */
const MAX_RETENTION_DAYS = 1_825;

/** The checked configuration. */
export interface Config {
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** The port of `/metrics`, which also has `/livez` and `/readyz`; null if metrics are served at `port`. */
  readonly metricsPort: number | null;
  /** The path prefix under which a proxy serves the service, and which the proxy strips; empty for none. */
  readonly publicPath: string;
  /** Whether the web client is served at `/app`. */
  readonly webClient: boolean;
  readonly storage: 'memory' | 'cassandra';
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly logFormat: (typeof LOG_FORMATS)[number];
  /** The key of the user hashes in the log; null if user ids are not logged. */
  readonly pseudonymKey: string | null;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
  /** The maximum streams and waiting polls of this process, and of one user among them. */
  readonly maxStreams: number;
  readonly maxStreamsPerUser: number;
  /** The broker for hints between processes; null if hints stay within each process. */
  readonly nats: NatsOptions | null;
  /** Which requests are traced; null if tracing is off. */
  readonly tracing: Sampling | null;
  readonly accessPolicy: AccessOptions;
  readonly cassandra: CassandraOptions;
  /** The replicas of each row in a keyspace that has to be created; null if unset. */
  readonly replicationFactor: number | null;
}

/** The environment is invalid. The message has a line for each invalid variable, and contains no values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * The configuration in `env`; an empty variable counts as unset. `readText` returns the text of the file at a path, or
 * throws. Throws a `ConfigError` that lists all invalid variables.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string,
): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== ''));
  const { data, error } = environment(readText).safeParse(given);
  const { data: settings, error: accessError } = accessSettings(readText).safeParse(given);
  const lines = [error, accessError].flatMap((failure) =>
    (failure?.issues ?? []).map(({ path, message }) => `  ${path[0]?.toString()} ${message}`),
  );
  const accessPolicy = settings && accessOptions(settings, (name, what) => lines.push(`  ${name} ${what}`));
  if (data === undefined || accessPolicy === undefined || lines.length > 0) {
    throw new ConfigError(`The environment is invalid:\n${lines.join('\n')}`);
  }
  const password = data.CASSANDRA_PASSWORD ?? data.CASSANDRA_PASSWORD_FILE;
  return {
    port: data.PORT,
    host: data.HOST,
    metricsPort: data.METRICS_PORT ?? null,
    publicPath: data.PUBLIC_PATH,
    webClient: data.WEB_CLIENT === undefined ? env['NODE_ENV'] !== 'production' : data.WEB_CLIENT === 'on',
    storage: data.STORAGE,
    logLevel: data.LOG_LEVEL,
    logFormat: data.LOG_FORMAT,
    pseudonymKey: data.LOG_USERS_KEY ?? null,
    requestTimeoutMs: data.REQUEST_TIMEOUT_MS,
    maxRequestsInFlight: data.MAX_REQUESTS_IN_FLIGHT,
    maxStreams: data.MAX_STREAMS,
    maxStreamsPerUser: data.MAX_STREAMS_PER_USER,
    nats: data.NATS_URL ?? null,
    tracing:
      data.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? null
        : { sampler: data.OTEL_TRACES_SAMPLER, ratio: data.OTEL_TRACES_SAMPLER_ARG },
    accessPolicy,
    cassandra: {
      contactPoints: data.CASSANDRA_CONTACT_POINTS,
      localDatacenter: data.CASSANDRA_LOCAL_DATACENTER,
      keyspace: data.CASSANDRA_KEYSPACE,
      credentials:
        data.CASSANDRA_USERNAME === undefined || password === undefined
          ? null
          : { username: data.CASSANDRA_USERNAME, password },
      tlsCa: data.CASSANDRA_TLS_CA ?? null,
      tlsClient:
        data.CASSANDRA_TLS_CERT === undefined || data.CASSANDRA_TLS_KEY === undefined
          ? null
          : { cert: data.CASSANDRA_TLS_CERT, key: data.CASSANDRA_TLS_KEY },
      consistency: {
        read: data.CASSANDRA_READ_CONSISTENCY,
        write: data.CASSANDRA_WRITE_CONSISTENCY,
        serial: data.CASSANDRA_SERIAL_CONSISTENCY,
      },
      maxClockSkewMs: data.MAX_CLOCK_SKEW_MS,
      requestTimeoutMs: data.REQUEST_TIMEOUT_MS,
      eventRetentionDays: data.EVENT_RETENTION_DAYS,
      keyRetentionDays: data.IDEMPOTENCY_RETENTION_DAYS,
    },
    replicationFactor: data.CASSANDRA_REPLICATION_FACTOR ?? null,
  };
}

/** Like `readConfig`, for the service: with `NODE_ENV=production`, it does not start with `AUTH=none` by mistake. */
export function readServiceConfig(
  env: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string,
): Config {
  const config = readConfig(env, readText);
  if (
    config.accessPolicy.tokens === null &&
    env['NODE_ENV'] === 'production' &&
    env['AUTH_ALLOW_NONE'] !== 'true'
  ) {
    throw new ConfigError(
      'AUTH is none, so every caller may act for every user, and NODE_ENV is production: ' +
        'set AUTH=jwt, or AUTH_ALLOW_NONE=true if something in front of this service controls access.',
    );
  }
  return config;
}

/** All variables, in the order of docs/configuration.md. */
export const SETTINGS: readonly { name: string; byDefault: string | null; about: string }[] = Object.entries({
  ...environment(() => '').shape,
  ...accessSettings(() => '').shape,
}).map(([name, schema]) => ({
  name,
  byDefault: schema instanceof z.ZodPrefault ? schema.def.defaultValue : null,
  about: schema.description ?? '',
}));

function environment(readText: (path: string) => string) {
  return z
    .object({
      PORT: wholeNumber(0, 65_535).prefault('8000').describe('port to listen on; 0 selects a free one'),
      HOST: z
        .string()
        .prefault('127.0.0.1')
        .describe(
          'address to listen on; the default accepts connections from this host only, `::` is every address, IPv4 and IPv6',
        ),
      METRICS_PORT: wholeNumber(0, 65_535)
        .optional()
        .describe(
          'separate port for `/metrics`, also with `/livez` and `/readyz`; if unset, `/metrics` is on `PORT`',
        ),
      PUBLIC_PATH: publicPath()
        .prefault('/')
        .describe('path prefix that a reverse proxy strips, such as `/messenger`'),
      WEB_CLIENT: oneOf(['on', 'off'])
        .optional()
        .describe(
          '`on` serves the web client at `/app`, `off` does not; if unset, it is on except with `NODE_ENV=production`',
        ),
      STORAGE: oneOf(['memory', 'cassandra'])
        .prefault('memory')
        .describe('`memory` (data are lost when the process ends) or `cassandra`'),
      LOG_LEVEL: oneOf(LOG_LEVELS)
        .prefault('info')
        .describe(`one of ${LOG_LEVELS.join(', ')}`),
      LOG_FORMAT: oneOf(LOG_FORMATS)
        .prefault('auto')
        .describe('`json`, `pretty`, or `auto`: pretty in a terminal, otherwise JSON'),
      LOG_USERS_KEY: z
        .string()
        .min(16, 'must have at least 16 characters')
        .optional()
        .describe(
          'secret of at least 16 characters; user ids are logged as hashes keyed with it; if unset, they are not logged',
        ),
      REQUEST_TIMEOUT_MS: wholeNumber(100, 600_000)
        .prefault('5000')
        .describe('time limit of a request, in milliseconds'),
      MAX_REQUESTS_IN_FLIGHT: wholeNumber(1, 100_000)
        .prefault('256')
        .describe(
          'maximum of the limit on concurrent requests, which starts at 64 and adapts to storage, half of it for one user; further requests get a 503',
        ),
      MAX_STREAMS: wholeNumber(1, 100_000)
        .prefault('10000')
        .describe('upper limit of event streams and waiting polls of a process; further ones get a 503'),
      MAX_STREAMS_PER_USER: wholeNumber(1, 10_000)
        .prefault('20')
        .describe('the same limit for one user; further ones get a 429'),
      NATS_URL: natsServers()
        .optional()
        .describe(
          'URLs of NATS servers, separated by commas: `nats://host:4222`, or `tls://user:password@host:4222`; processes notify each other of new events through them. If unset, an event that another process stored arrives within 15 s',
        ),
      MAX_CLOCK_SKEW_MS: wholeNumber(1, 600_000)
        .prefault('2000')
        .describe(
          "largest difference between this host's clock and Cassandra's, in milliseconds; beyond it, writes and events get a 503",
        ),
      EVENT_RETENTION_DAYS: wholeNumber(1, MAX_RETENTION_DAYS)
        .prefault('30')
        .describe(
          'days for which the event log keeps events; inbox pages older than that are read by a scan',
        ),
      IDEMPOTENCY_RETENTION_DAYS: wholeNumber(0, MAX_RETENTION_DAYS)
        .prefault('30')
        .describe('days for which an `Idempotency-Key` is kept; 0 is forever'),
      CASSANDRA_CONTACT_POINTS: contactPoints()
        .prefault('127.0.0.1:9042')
        .describe('addresses of some nodes, separated by commas: `host`, `host:port` or `[IPv6]:port`'),
      CASSANDRA_LOCAL_DATACENTER: z
        .string()
        .regex(/^[\w.:-]+$/, 'must be letters, digits and _ . : - only')
        .prefault('datacenter1')
        .describe('datacenter whose nodes receive the requests'),
      CASSANDRA_KEYSPACE: z
        .string()
        .regex(
          /^[a-z][a-z0-9_]{0,47}$/,
          'must be a lowercase letter and up to 47 lowercase letters, digits and _',
        )
        .prefault('messenger')
        .describe('name of the keyspace'),
      CASSANDRA_REPLICATION_FACTOR: wholeNumber(1, 100)
        .optional()
        .describe(
          'replicas of each row, used when `npm run migrate` creates the keyspace; required unless Cassandra is a single node on this host',
        ),
      CASSANDRA_USERNAME: z.string().optional().describe('user name for Cassandra, if it requires a login'),
      CASSANDRA_PASSWORD: z.string().optional().describe('password for Cassandra'),
      CASSANDRA_PASSWORD_FILE: secretFile(readText)
        .optional()
        .describe('path of a file with the password, instead of `CASSANDRA_PASSWORD`'),
      CASSANDRA_TLS_CA: fileText(readText, CERTIFICATE, 'a PEM file with a certificate')
        .optional()
        .describe('path of a PEM file with the CA certificate of the nodes; turns TLS on'),
      CASSANDRA_TLS_CERT: fileText(readText, CERTIFICATE, 'a PEM file with a certificate')
        .optional()
        .describe('path of a PEM file with the client certificate, if Cassandra requires one'),
      CASSANDRA_TLS_KEY: fileText(readText, PRIVATE_KEY, 'a PEM file with a private key without a passphrase')
        .optional()
        .describe('path of a PEM file with the private key of the client certificate'),
      ...CONSISTENCIES.shape,
      CASSANDRA_SERIAL_CONSISTENCY: oneOf(['SERIAL', 'LOCAL_SERIAL'])
        .prefault('LOCAL_SERIAL')
        .describe(
          'consistency level of lightweight transactions; `SERIAL` if several datacenters take writes',
        ),
      OTEL_EXPORTER_OTLP_ENDPOINT: z
        .url({ protocol: /^https?$/, error: 'must be a URL like http://collector:4318' })
        .optional()
        .describe(
          'URL of the OTLP/HTTP collector for traces; if unset, there are no traces. Node must be 22.15 or newer',
        ),
      OTEL_TRACES_SAMPLER: oneOf(SAMPLERS)
        .prefault('parentbased_always_on')
        .describe('which requests are traced: the name of an OpenTelemetry sampler'),
      OTEL_TRACES_SAMPLER_ARG: ratio()
        .prefault('1')
        .describe('share of requests to trace, from 0 to 1, for samplers by ratio'),
    })
    .refine(
      ({ PORT, METRICS_PORT }) => METRICS_PORT === undefined || METRICS_PORT === 0 || METRICS_PORT !== PORT,
      {
        path: ['METRICS_PORT'],
        error: 'must differ from PORT; if unset, metrics are at PORT',
      },
    )
    .refine((env) => env.CASSANDRA_PASSWORD === undefined || env.CASSANDRA_PASSWORD_FILE === undefined, {
      path: ['CASSANDRA_PASSWORD_FILE'],
      error: 'and CASSANDRA_PASSWORD are both set: set only one of them',
      when: () => true,
    })
    .refine((env) => env.CASSANDRA_USERNAME !== undefined || env.CASSANDRA_PASSWORD === undefined, {
      path: ['CASSANDRA_USERNAME'],
      error: 'is missing, but CASSANDRA_PASSWORD is set',
      when: () => true,
    })
    .refine((env) => env.CASSANDRA_USERNAME !== undefined || env.CASSANDRA_PASSWORD_FILE === undefined, {
      path: ['CASSANDRA_USERNAME'],
      error: 'is missing, but CASSANDRA_PASSWORD_FILE is set',
    })
    .refine(
      (env) =>
        (env.CASSANDRA_PASSWORD ?? env.CASSANDRA_PASSWORD_FILE) !== undefined ||
        env.CASSANDRA_USERNAME === undefined,
      {
        path: ['CASSANDRA_PASSWORD'],
        error: 'is missing, but CASSANDRA_USERNAME is set',
        when: () => true,
      },
    )
    .refine((env) => (env.CASSANDRA_TLS_CERT === undefined) === (env.CASSANDRA_TLS_KEY === undefined), {
      path: ['CASSANDRA_TLS_CERT'],
      error: 'and CASSANDRA_TLS_KEY belong together: set both or none',
    })
    .refine((env) => env.CASSANDRA_TLS_CA !== undefined || env.CASSANDRA_TLS_CERT === undefined, {
      path: ['CASSANDRA_TLS_CA'],
      error: 'is missing, but CASSANDRA_TLS_CERT is set: a client certificate needs TLS',
    })
    .refine(
      ({ CASSANDRA_READ_CONSISTENCY, CASSANDRA_WRITE_CONSISTENCY, CASSANDRA_ALLOW_WEAK_CONSISTENCY }) =>
        CASSANDRA_ALLOW_WEAK_CONSISTENCY === 'true' ||
        overlap(CASSANDRA_READ_CONSISTENCY, CASSANDRA_WRITE_CONSISTENCY),
      {
        path: ['CASSANDRA_READ_CONSISTENCY'],
        error:
          'and CASSANDRA_WRITE_CONSISTENCY do not overlap: reads could miss acknowledged writes. ' +
          'Use LOCAL_QUORUM for both, or set CASSANDRA_ALLOW_WEAK_CONSISTENCY=true',
        when: ({ value }) => CONSISTENCIES.safeParse(value).success,
      },
    );
}

/** A path that needs no escaping in HTML or in a URL, without the segments `.` and `..`. */
const PUBLIC_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*\/?$/;

function publicPath() {
  return z
    .string()
    .refine((text) => text.startsWith('/') && text.length <= 200 && PUBLIC_PATH.test(text), {
      error: 'must be a path like /messenger, of letters, digits and _ . ~ - between its slashes',
    })
    .transform((text) => text.replace(/\/$/, ''));
}

function ratio() {
  return z
    .string()
    .refine((text) => /^(0(\.\d+)?|1(\.0+)?)$/.test(text), { error: 'must be a number from 0 to 1' })
    .transform(Number);
}

function natsServers() {
  return z.string().transform((text, context): NatsOptions => {
    const urls = text.split(',').map((one) => (URL.canParse(one.trim()) ? new URL(one.trim()) : null));
    const [first] = urls;
    const isValid = (url: URL | null): url is URL =>
      url !== null &&
      ['nats:', 'tls:'].includes(url.protocol) &&
      url.hostname !== '' &&
      /^\/?$/.test(url.pathname) &&
      url.search + url.hash === '' &&
      (url.username === '') === (url.password === '');
    if (!isValid(first ?? null) || !urls.every(isValid)) {
      context.addIssue(
        'must be a list of URLs like nats://nats:4222, with both a user and a password or none',
      );
      return z.NEVER;
    }
    const { protocol, username, password } = first as URL;
    const isSame = (url: URL): boolean =>
      url.protocol === protocol && url.username === username && url.password === password;
    if (!urls.every(isSame)) {
      context.addIssue('must have the same scheme, user and password in all its URLs');
      return z.NEVER;
    }
    return {
      servers: urls.map(({ hostname, port }) => `${hostname}:${port || DEFAULT_NATS_PORT}`),
      tls: protocol === 'tls:',
      credentials:
        username === ''
          ? null
          : { user: decodeURIComponent(username), password: decodeURIComponent(password) },
    };
  });
}

const DEFAULT_NATS_PORT = 4222;

const DEFAULT_CQL_PORT = 9042;

function contactPoints() {
  return z
    .string()
    .transform((text) => text.split(',').map((point) => point.trim()))
    .refine((points) => points.every(isContactPoint), {
      error: 'must be a list like cassandra-1:9042,cassandra-2:9042; IPv6 is written [::1]:9042',
    })
    .transform((points) =>
      points.map((point) => (/:\d+$/.test(point) ? point : `${point}:${DEFAULT_CQL_PORT}`)),
    );
}

function isContactPoint(text: string): boolean {
  const port = /^(?:\[[\da-f:.]+\]:(\d+)|[\w.-]+(?::(\d+))?)$/i.exec(text)?.slice(1).join('');
  return port !== undefined && (port === '' || (Number(port) > 0 && Number(port) <= 65_535));
}
