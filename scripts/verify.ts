import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Client } from 'cassandra-driver';
import { configError, makeClient, sessionOptions } from '../src/adapters/cassandra/connect.ts';
import { EventLogState } from '../src/adapters/cassandra/event-log-state.ts';
import { INCONSISTENCIES, type InconsistencyKind } from '../src/adapters/cassandra/inspection.ts';
import { SCHEMA_STATE, schemaError } from '../src/adapters/cassandra/schema.ts';
import { cassandraClocks, clockSkewOf } from '../src/adapters/cassandra/clock-measurement.ts';
import { makeSession } from '../src/adapters/cassandra/session.ts';
import { stateOf, type CassandraOptions } from '../src/adapters/cassandra/storage.ts';
import {
  INITIAL_PROGRESS,
  shareOf,
  verify,
  type Finding,
  type Progress,
} from '../src/adapters/cassandra/verify.ts';
import { HOST_TIME } from '../src/adapters/system/clock.ts';
import { ClockVerifier } from '../src/adapters/system/clock-verifier.ts';
import { makeMessageIds } from '../src/adapters/system/message-ids.ts';
import { VerifiedClock } from '../src/adapters/system/verified-clock.ts';
import { ClockNotVerified } from '../src/application/ports/clock-check.ts';
import type { Log } from '../src/application/ports/log.ts';
import { StorageFailure } from '../src/application/ports/storage-failure.ts';
import { ConfigError, readConfig } from '../src/composition/config.ts';
import { latenessLimits } from '../src/domain/event.ts';
import { withLocalCassandra } from './local-cassandra/running.ts';

const help = `npm run verify [-- options]

Scans the keyspace while the service goes on, and reports where its tables contradict each other: a message that an
inbox or an event log does not show, an inbox row that is behind, a bucket that readers don't find. It prints ids, and no
content of messages. It takes the cluster from the environment, like the service: run it with the same settings.
Without any, it is the local one that npm run cassandra or npm run start:cassandra runs.

  --repair        write what is missing again, as the service writes it, and inspect again. Nothing that was right moves
                  or becomes unread. A message that its receiver was never told of is announced as new. Where the whole
                  event log was lost or restored, run "npm run migrate -- --event-log-incomplete" first
  --rate N        read at most N rows a second in total (2000)
  --parallel N    scan N ranges of tokens at the same time (4)
  --settle S      report what is wrong for at least S seconds (10). After an outage the service completes failed sends
                  for two minutes by itself: 150 leaves them to it
  --resume FILE   store the progress in FILE, and resume from there if the file exists
  --show N        print N findings at most (100); all are counted
  --json          print JSON, an object a line: {"finding": …} for each, and {"summary": …} at the end
  --help          this text

How long it takes: about three rows are read for each message within the retention of events, one for each older
message, two for each inbox row, and three for each conversation. At the default of 2,000 a second, 10 million recent
messages take about four hours and a thousand million about 17 days, so raise --rate and --parallel with the size of the
cluster: at 50,000 a second a thousand million take 17 hours. Several processes can't share one scan.

Exits with 0 if nothing is wrong or all of it was repaired, 1 if findings are left, 2 if the scan did not finish.
`;

/** Why the scan can't start or finish, in a sentence for people. */
class CannotVerify extends Error {}

interface Options {
  readonly repair: boolean;
  readonly rate: number;
  readonly parallel: number;
  readonly settle: number;
  readonly resume: string | null;
  readonly show: number;
  readonly json: boolean;
}

function readOptions(): Options | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    repair: flag,
    json: flag,
    help: flag,
    rate: text,
    parallel: text,
    settle: text,
    show: text,
    resume: text,
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new CannotVerify(`${(error as Error).message.split(/\. |\n/)[0]} (--help tells more).`);
  }
  if (values.help) return 'help';
  const number = (
    name: 'rate' | 'parallel' | 'settle' | 'show',
    byDefault: number,
    least: number,
    most = 9_999_999,
  ): number => {
    const value = values[name];
    if (value === undefined) return byDefault;
    if (/^\d{1,7}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    throw new CannotVerify(`--${name} takes a whole number from ${least} to ${most} (--help tells more).`);
  };
  return {
    repair: values.repair,
    rate: number('rate', 2_000, 1),
    parallel: number('parallel', 4, 1, 256),
    settle: number('settle', 10, 1),
    resume: values.resume ?? null,
    show: number('show', 100, 0),
    json: values.json,
  };
}

/** The progress stored in `file`, or the beginning where there is no file. */
function progressIn(file: string | null, keyspace: string): Progress {
  if (file === null) return INITIAL_PROGRESS;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return INITIAL_PROGRESS;
    throw new CannotVerify(`${file} can't be read.`);
  }
  try {
    const stored = JSON.parse(text) as { keyspace: unknown; kinds: unknown; progress: Progress };
    if (stored.keyspace === keyspace && stored.kinds === kinds) return stored.progress;
  } catch {
    // Like a file of something else.
  }
  throw new CannotVerify(`${file} does not hold the progress of this scan of ${keyspace}.`);
}

/** A version that looks for something else has to begin again. */
const kinds = Object.keys(INCONSISTENCIES).join();

function store(file: string, keyspace: string, progress: Progress): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify({ keyspace, kinds, progress }));
    renameSync(`${file}.new`, file);
  } catch {
    throw new CannotVerify(`${file} can't be written.`);
  }
}

/** Connects, and checks the schema, and that this host's clock can tell what lies in the future. */
async function connect(client: Client, options: CassandraOptions): Promise<void> {
  let schema;
  let skew;
  try {
    await client.connect();
    const { read } = sessionOptions(options).consistency;
    schema = await stateOf(client.execute(SCHEMA_STATE, [], { consistency: read, isIdempotent: true }));
    skew = await clockSkewOf(cassandraClocks(client));
  } catch (error) {
    const flaw = configError(error, options);
    throw new CannotVerify(flaw ?? `Cassandra can't be reached at ${options.contactPoints.join(', ')}.`);
  }
  const flaw = schemaError(schema);
  if (flaw !== null) throw new CannotVerify(flaw);
  if (skew > options.maxClockSkewMs) {
    throw new CannotVerify(`The clock of this host differs from Cassandra's by ${Math.round(skew)} ms.`);
  }
}

/** Prints findings, the first `show` of them. */
function printer({ show, json }: Options): (finding: Finding) => void {
  let printed = 0;
  return ({ kind, state, conversationId, userId, messageId }) => {
    printed += 1;
    if (printed === show + 1) console.error('Further findings are counted, but not printed.');
    if (printed > show) return;
    const names = { conversation_id: conversationId, user_id: userId, message_id: messageId };
    const words = Object.entries(names).flatMap(([name, id]) => (id === null ? [] : `${name}=${id}`));
    console.log(
      json ? JSON.stringify({ finding: { kind, state, ...names } }) : [state, kind, ...words].join(' '),
    );
  };
}

function summaryOf({ seen, inconsistencies }: Progress, { repair, json }: Options, left: number): string {
  if (json) return JSON.stringify({ summary: { seen, inconsistencies, left } });
  const row = (...[kind, found, repaired, about]: readonly (string | number)[]): string =>
    `${String(kind).padEnd(26)}${String(found).padStart(8)}${String(repaired).padStart(10)}  ${about}`;
  const lines = Object.entries(inconsistencies).map(([kind, { found, repaired }]) =>
    row(kind, found, repaired, INCONSISTENCIES[kind as InconsistencyKind]),
  );
  const { messages, buckets, inboxRows, conversations, lateEvents } = seen;
  return [
    row('', 'found', 'repaired', '').trimEnd(),
    ...lines,
    `Scanned ${messages} messages in ${buckets} buckets, ${inboxRows} inbox rows, ${conversations} conversations and ` +
      `${lateEvents} late events; ${left} findings are left.`,
    ...(repair ? reasonsOf(inconsistencies) : []),
  ].join('\n');
}

/** What nothing that the service writes can repair, and what to do instead. */
const NO_REPAIR: Partial<Record<InconsistencyKind, string>> = {
  last_message_missing:
    'An inbox row that names a message which does not exist can only be replaced by a later one: every message is\n' +
    'written with its own time, and loses against it. The next message of the conversation replaces it.',
  late_message_missing: 'A late event whose message does not exist has no effect on readers.',
  in_future:
    'A message in the future was made by a process with a wrong clock. It stays the newest of its conversation until\n' +
    'its time has come, and is deleted only by hand.',
};

/** Why findings are left after a repair. */
function reasonsOf(inconsistencies: Progress['inconsistencies']): string[] {
  const left = (Object.keys(INCONSISTENCIES) as InconsistencyKind[]).filter(
    (kind) => inconsistencies[kind].found > inconsistencies[kind].repaired,
  );
  const others = left.some((kind) => NO_REPAIR[kind] === undefined);
  return [
    ...left.flatMap((kind) => NO_REPAIR[kind] ?? []),
    ...(others
      ? [
          'What is still wrong after it was written again was deleted, or overwritten by something other than the\n' +
            "service, with a later write time than the message's own, which wins. The next message of the conversation\n" +
            'replaces an inbox row.',
        ]
      : []),
  ];
}

async function scan({
  cassandra,
  options,
  toldToStop,
}: {
  readonly cassandra: CassandraOptions;
  readonly options: Options;
  readonly toldToStop: AbortSignal;
}): Promise<0 | 1> {
  const { resume, rate, parallel, settle, repair } = options;
  const { keyspace, eventRetentionDays, requestTimeoutMs, maxClockSkewMs } = cassandra;
  let progress = progressIn(resume, keyspace);
  const client = makeClient(cassandra);
  // A scan takes hours, and a repair makes ids.
  const clock = new VerifiedClock({ sources: HOST_TIME, maxSkewMs: maxClockSkewMs });
  const verifier = new ClockVerifier({ clock, log: stderrLog, maxSkewMs: maxClockSkewMs, requestTimeoutMs });
  try {
    await connect(client, cassandra);
    if (resume !== null) store(resume, keyspace, progress);
    verifier.start(cassandraClocks(client));
    const remaining = remainingTime();
    let printed = performance.now();
    const steps = verify({
      session: makeSession(client, () => true, sessionOptions(cassandra)),
      clock,
      eventLog: new EventLogState({ clock, retentionDays: eventRetentionDays }),
      messageIds: makeMessageIds({ clock }),
      clockCheck: verifier,
      limits: latenessLimits(cassandra),
      from: progress,
      rowsPerSecond: rate,
      parallel,
      settleMs: settle * 1_000,
      repair,
      found: printer(options),
      signal: toldToStop,
    });
    for await (progress of steps) {
      if (resume !== null) store(resume, keyspace, progress);
      const left = remaining(progress);
      if (performance.now() - printed < 5_000) continue;
      printed = performance.now();
      console.error(`${textOf(progress)}${left}`);
    }
    if (resume !== null) rmSync(resume);
    const left = Object.values(progress.inconsistencies).reduce(
      (sum, { found, repaired }) => sum + found - repaired,
      0,
    );
    console.log(summaryOf(progress, options, left));
    return left === 0 ? 0 : 1;
  } catch (error) {
    const place = resume === null ? '' : ` The same command resumes from ${resume}.`;
    if (error instanceof CannotVerify) throw error;
    if (toldToStop.aborted) throw new CannotVerify(`Stopped; ${textOf(progress)}.${place}`);
    if (error instanceof ClockNotVerified) throw new CannotVerify(`${clock.problem() ?? ''}${place}`);
    if (!(error instanceof StorageFailure)) throw error;
    throw new CannotVerify(`Cassandra does not answer; ${textOf(progress)}.${place}`);
  } finally {
    verifier.stop();
    await client.shutdown();
  }
}

/** What people should know of the clock, beside the findings. */
const stderrLog: Log = {
  info: () => undefined,
  warn(_fields, sentence) {
    console.error(sentence);
  },
  error(_fields, sentence) {
    console.error(sentence);
  },
};

/** Tells how long a pass is still going to take, from how far it has come since it was first asked. */
function remainingTime(): (progress: Progress) => string {
  let pass: Progress['pass'] | null = null;
  let begun = { at: 0, share: 0 };
  return (progress) => {
    const share = shareOf(progress);
    if (progress.pass !== pass) {
      pass = progress.pass;
      begun = { at: performance.now(), share };
    }
    const done = share - begun.share;
    if (done <= 0 || share >= 1) return '';
    const minutes = Math.ceil(((performance.now() - begun.at) * (1 - share)) / done / 60_000);
    return `, about ${minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`} left in this pass`;
  };
}

function textOf(progress: Progress): string {
  const { pass, seen, inconsistencies, candidates } = progress;
  const found = Object.values(inconsistencies).reduce((sum, tally) => sum + tally.found, 0);
  return (
    `${pass} ${Math.floor(shareOf(progress) * 100)} %: ${seen.messages} messages, ${seen.inboxRows} inbox rows, ` +
    `${found} findings, ${candidates.length} to be inspected again`
  );
}

async function main(): Promise<number> {
  const toldToStop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => toldToStop.abort());
  try {
    const options = readOptions();
    if (options === 'help') {
      console.log(help);
      return 0;
    }
    const env = (await withLocalCassandra(process.env)) ?? process.env;
    const { cassandra } = readConfig(env, (path) => readFileSync(path, 'utf8'));
    return await scan({ cassandra, options, toldToStop: toldToStop.signal });
  } catch (error) {
    console.error(error instanceof CannotVerify || error instanceof ConfigError ? error.message : error);
    return 2;
  }
}

process.exitCode = await main();
