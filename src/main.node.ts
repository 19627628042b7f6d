import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { openCassandraStorage } from './adapters/cassandra/storage.ts';
import { makeMemoryStorage } from './adapters/memory/storage.ts';
import { makeClock } from './adapters/system/clock.ts';
import { docsAssets } from './adapters/system/docs-assets.ts';
import { ListenError, openHttpServer } from './adapters/system/http-server.ts';
import { makeMessageIds } from './adapters/system/message-ids.ts';
import { ConfigError, readConfig, type Config } from './composition/config.ts';
import { buildContainer } from './composition/container.ts';
import { TOKENS } from './composition/tokens.ts';

/** How long what is in progress may take to finish: less than the 30 s after which Kubernetes kills. */
const GRACE_MS = 25_000;

/**
 * How long a SIGTERM is told by /readyz before the first connection closes, so that whoever spreads requests sends them
 * elsewhere. A request that crosses with the closing of its connection gets no answer, though nothing is wrong.
 */
const NOTICE_MS = 1_000;

/** One Ctrl-C under `npm start` can arrive twice, from the terminal and from npm. */
const SAME_SIGNAL_MS = 500;

const config = configOfThisProcess();
const log = pino({
  level: config.logLevel,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (level) => ({ level }) },
});

const clock = makeClock();
const storage =
  config.storage === 'cassandra'
    ? openCassandraStorage({ options: config.cassandra, clock, log })
    : { ...makeMemoryStorage(), started: Promise.resolve() };
if (config.storage === 'memory') {
  log.warn('Storage is the memory of this process: all data end with it. STORAGE=cassandra keeps them.');
}

let stopping = 0;
const container = buildContainer({
  storage: {
    ...storage,
    missing: async () => (stopping > 0 ? ['The service is stopping.'] : storage.missing()),
  },
  clock,
  messageIds: makeMessageIds({ clock }),
  log,
  docsAssets,
  requestTimeoutMs: config.requestTimeoutMs,
});

// Listens before storage is there, so that /readyz can say what is missing.
const server = await openHttpServer({
  fetch: container.take(TOKENS.app).fetch,
  host: config.host,
  port: config.port,
}).catch((error: unknown) => {
  if (!(error instanceof ListenError)) throw error;
  return exitWith(error.message);
});
log.info(`Listening at ${server.url}`);

storage.started.then(
  () => {
    log.info(`Ready at ${server.url}, with documentation at ${server.url}/docs`);
  },
  (error: unknown) => {
    // Closed while it was still starting, storage rejects too.
    if (stopping === 0) exitWith((error as Error).message);
  },
);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping === 0) {
      stopping = performance.now();
      void stop(signal);
    } else if (performance.now() - stopping > SAME_SIGNAL_MS) {
      exitWith(`${signal} again: exits at once. Requests and writes in progress may be cut off.`);
    }
  });
}

/** Ends this process when all that it has begun is done, in the reverse order of opening. */
async function stop(signal: string): Promise<never> {
  log.info(`${signal}: finishes what is in progress`);
  setTimeout(() => {
    exitWith(`Requests or writes were still in progress after ${GRACE_MS / 1000} s, and are cut off.`);
  }, GRACE_MS);
  // Ctrl-C is for a person who waits.
  if (signal === 'SIGTERM') await pause(NOTICE_MS);
  await server.close();
  await storage.close();
  log.info('Stopped');
  process.exit(0);
}

function configOfThisProcess(): Config {
  try {
    return readConfig(process.env, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

function exitWith(sentence: string): never {
  log.fatal(sentence);
  process.exit(1);
}
