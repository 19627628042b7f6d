import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Client } from 'cassandra-driver';
import { configError, makeClient, sessionOptions } from '../src/adapters/cassandra/connect.ts';
import { EventLogState } from '../src/adapters/cassandra/event-log-state.ts';
import { INCONSISTENCIES, type InconsistencyKind } from '../src/adapters/cassandra/inspection.ts';
import { cassandraClocks, clockSkewOf } from '../src/adapters/cassandra/clock-measurement.ts';
import { makeSession } from '../src/adapters/cassandra/session.ts';
import {
  SCHEMA_STATE,
  schemaError,
  stateOf,
  type CassandraOptions,
} from '../src/adapters/cassandra/storage.ts';
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

Scans the keyspace while the service runs, and reports inconsistencies between its tables: a message that is missing from an
inbox or an event log, an outdated inbox row, a deletion or a membership that a restore has undone. It prints ids, but no
content of messages. The settings of Cassandra are environment variables, as for the service: run it with the same values.
Without settings, it scans the local Cassandra of npm run cassandra or npm run start:cassandra.

  --repair        repeat missing writes as the service writes them, and inspect again. Correct entries do not move or
                  become unread. A message without an event for its receiver is announced as new. If the whole event log
                  was lost or restored, run "npm run migrate -- --event-log-incomplete" first
  --rate N        read at most N rows a second in total (default 2000)
  --parallel N    scan N token ranges in parallel (default 4)
  --settle S      report only inconsistencies that last at least S seconds (default 10). After an outage the service
                  itself completes failed sends for two minutes; with 150, those are not reported
  --resume FILE   store the progress in FILE, and resume from it if the file exists
  --show N        print at most N findings (default 100); all are counted
  --json          print one JSON object per line: {"finding": …} for each finding, and {"summary": …} at the end
  --help          print this text

Duration: the scan reads about three rows for each message within the retention of events, one for each older message,
three for each inbox row, two for each deletion, and three for each conversation. At the default rate of 2,000 rows a
second, 10 million recent messages take about four hours, and a billion about 17 days. Raise --rate and --parallel with
the size of the cluster: at 50,000 rows a second, a billion messages take 17 hours. A scan runs in one process.

Exit code: 0 if there are no findings or all were repaired, 1 if findings are left, 2 if the scan did not finish.
`;

/** The scan cannot start or finish. The message is for people. */
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
    throw new CannotVerify(`${(error as Error).message.split(/\. |\n/)[0]}. See --help.`);
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
    throw new CannotVerify(`--${name} takes a whole number from ${least} to ${most}. See --help.`);
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

/** The progress stored in `file`, or the beginning if the file does not exist. */
function progressIn(file: string | null, keyspace: string): Progress {
  if (file === null) return INITIAL_PROGRESS;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return INITIAL_PROGRESS;
    throw new CannotVerify(`${file} cannot be read.`);
  }
  try {
    const stored = JSON.parse(text) as { keyspace: unknown; kinds: unknown; progress: Progress };
    if (stored.keyspace === keyspace && stored.kinds === kinds) return stored.progress;
  } catch {
    // Not JSON: the same error as for another file.
  }
  throw new CannotVerify(`${file} does not contain the progress of this scan of ${keyspace}.`);
}

/** A version that looks for other inconsistencies cannot resume this scan. */
const kinds = Object.keys(INCONSISTENCIES).join();

function store(file: string, keyspace: string, progress: Progress): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify({ keyspace, kinds, progress }));
    renameSync(`${file}.new`, file);
  } catch {
    throw new CannotVerify(`${file} cannot be written.`);
  }
}

/** Connects, and checks the schema and the clock of this host, which is needed to detect messages in the future. */
async function connect(client: Client, options: CassandraOptions): Promise<void> {
  let schema;
  let skew;
  try {
    await client.connect();
    const { read } = sessionOptions(options).consistency;
    schema = await stateOf(client.execute(SCHEMA_STATE, [], { consistency: read, isIdempotent: true }));
    skew = await clockSkewOf(cassandraClocks(client));
  } catch (error) {
    const message = configError(error, options);
    throw new CannotVerify(message ?? `Cassandra is not reachable at ${options.contactPoints.join(', ')}.`);
  }
  const message = schemaError(schema);
  if (message !== null) throw new CannotVerify(message);
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
  const { logs, memberships, messages, buckets, inboxRows, conversations, groups, lateEvents } = seen;
  return [
    row('', 'found', 'repaired', '').trimEnd(),
    ...lines,
    `Scanned ${messages} messages in ${buckets} buckets, ${inboxRows} inbox rows, ${conversations} conversations and ` +
      `${groups} groups, ${memberships} memberships, ${lateEvents} late events and the deletions in ${logs} event logs; ` +
      `${left} findings are left.`,
    ...(repair ? reasonsOf(inconsistencies) : []),
  ].join('\n');
}

/** Inconsistencies that no write of the service can repair, with the reason and what to do. */
const NO_REPAIR: Partial<Record<InconsistencyKind, string>> = {
  last_message_missing:
    'An inbox row that refers to a missing message can only be replaced by a later message, because every message is\n' +
    'written with its own time. The next message of the conversation replaces it.',
  late_message_missing: 'A late event whose message does not exist has no effect on readers.',
  in_future:
    'A process with a wrong clock created a message in the future. It stays the newest of its conversation until that\n' +
    'time. It can only be deleted by hand.',
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
          'The remaining findings could not be repaired: a client other than the service deleted or overwrote the data with\n' +
            'a later write time. The next message of a conversation replaces its inbox row.',
        ]
      : []),
  ];
}

async function scan({
  cassandra,
  options,
  stopping,
}: {
  readonly cassandra: CassandraOptions;
  readonly options: Options;
  readonly stopping: AbortSignal;
}): Promise<0 | 1> {
  const { resume, rate, parallel, settle, repair } = options;
  const { keyspace, eventRetentionDays, requestTimeoutMs, maxClockSkewMs } = cassandra;
  let progress = progressIn(resume, keyspace);
  const client = makeClient(cassandra);
  // The clock is verified during the whole scan, because a scan takes hours and a repair creates ids.
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
      signal: stopping,
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
    const hint = resume === null ? '' : ` The same command resumes from ${resume}.`;
    if (error instanceof CannotVerify) throw error;
    if (stopping.aborted) throw new CannotVerify(`Stopped; ${textOf(progress)}.${hint}`);
    if (error instanceof ClockNotVerified) throw new CannotVerify(`${clock.problem() ?? ''}${hint}`);
    if (!(error instanceof StorageFailure)) throw error;
    throw new CannotVerify(`Cassandra does not respond; ${textOf(progress)}.${hint}`);
  } finally {
    verifier.stop();
    await client.shutdown();
  }
}

/** Prints warnings about the clock to stderr, separate from the findings. */
const stderrLog: Log = {
  info: () => undefined,
  warn(_fields, message) {
    console.error(message);
  },
  error(_fields, message) {
    console.error(message);
  },
};

/** Returns a function that estimates the remaining time of the current pass, from its progress since the first call. */
function remainingTime(): (progress: Progress) => string {
  let pass: Progress['pass'] | null = null;
  let start = { at: 0, share: 0 };
  return (progress) => {
    const share = shareOf(progress);
    if (progress.pass !== pass) {
      pass = progress.pass;
      start = { at: performance.now(), share };
    }
    const done = share - start.share;
    if (done <= 0 || share >= 1) return '';
    const minutes = Math.ceil(((performance.now() - start.at) * (1 - share)) / done / 60_000);
    return `, about ${minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`} left in this pass`;
  };
}

function textOf(progress: Progress): string {
  const { pass, seen, inconsistencies, candidates } = progress;
  const found = Object.values(inconsistencies).reduce((sum, tally) => sum + tally.found, 0);
  return (
    `${pass} ${Math.floor(shareOf(progress) * 100)} %: ${seen.messages} messages, ${seen.inboxRows} inbox rows, ` +
    `${found} findings, ${candidates.length} to inspect again`
  );
}

async function main(): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  try {
    const options = readOptions();
    if (options === 'help') {
      console.log(help);
      return 0;
    }
    const env = (await withLocalCassandra(process.env)) ?? process.env;
    const { cassandra } = readConfig(env, (path) => readFileSync(path, 'utf8'));
    return await scan({ cassandra, options, stopping: stopping.signal });
  } catch (error) {
    console.error(error instanceof CannotVerify || error instanceof ConfigError ? error.message : error);
    return 2;
  }
}

process.exitCode = await main();
