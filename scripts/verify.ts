import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Client } from 'cassandra-driver';
import { configurationFlaw, makeClient, sessionOptions } from '../src/adapters/cassandra/connect.ts';
import { FLAWS, type FlawKind } from '../src/adapters/cassandra/inspection.ts';
import { SCHEMA_STATE, schemaFlaw } from '../src/adapters/cassandra/schema.ts';
import { makeSession } from '../src/adapters/cassandra/session.ts';
import { stateOf, type CassandraOptions } from '../src/adapters/cassandra/storage.ts';
import { BEGINNING, shareOf, verify, type Finding, type Progress } from '../src/adapters/cassandra/verify.ts';
import { StorageFailure } from '../src/application/ports/storage-failure.ts';
import { ConfigError, readConfig } from '../src/composition/config.ts';
import { withLocalCassandra } from './local-cassandra/running.ts';

const help = `npm run verify [-- options]

Walks the keyspace while the service goes on, and tells where its tables contradict each other: a message that an
inbox does not show, a head that is not the newest message, a bucket that readers don't find. It prints ids, and nothing
of what was said. Where the cluster is, it takes from the environment, like the service; without, it is the local
one that npm run cassandra or npm run start:cassandra runs.

  --repair        mend what can be mended, by writing again what the service writes, and look again
  --rate N        read at most N rows a second (2000)
  --settle S      report what is wrong for at least S seconds (10). After an outage the service mends failed sends
                  for two minutes by itself: 150 leaves them to it
  --resume FILE   keep the place in FILE, and go on from there if the file is there
  --show N        print N findings at most (100); all are counted
  --json          print JSON, an object a line: {"finding": …} for each, and {"summary": …} at the end
  --help          this text

Exits with 0 if nothing is wrong or all of it was mended, 1 if findings are left, 2 if the walk did not come to its end.
`;

/** Why there is no answer, in a sentence for people. */
class CannotVerify extends Error {}

interface Asked {
  readonly repair: boolean;
  readonly rate: number;
  readonly settle: number;
  readonly resume: string | null;
  readonly show: number;
  readonly json: boolean;
}

function asked(): Asked | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    repair: flag,
    json: flag,
    help: flag,
    rate: text,
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
  const number = (name: 'rate' | 'settle' | 'show', byDefault: number, least: number): number => {
    const value = values[name];
    if (value === undefined) return byDefault;
    if (/^\d{1,7}$/.test(value) && Number(value) >= least) return Number(value);
    throw new CannotVerify(`--${name} takes a whole number from ${least} up (--help tells more).`);
  };
  return {
    repair: values.repair,
    rate: number('rate', 2_000, 1),
    settle: number('settle', 10, 1),
    resume: values.resume ?? null,
    show: number('show', 100, 0),
    json: values.json,
  };
}

/** The place that `file` keeps, or the beginning where there is no file. */
function placeIn(file: string | null, keyspace: string): Progress {
  if (file === null) return BEGINNING;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return BEGINNING;
    throw new CannotVerify(`${file} can't be read.`);
  }
  try {
    const kept = JSON.parse(text) as { keyspace: unknown; kinds: unknown; progress: Progress };
    if (kept.keyspace === keyspace && kept.kinds === kinds) return kept.progress;
  } catch {
    // Like a file of something else.
  }
  throw new CannotVerify(`${file} does not keep a place of this walk through ${keyspace}.`);
}

/** A place is worth nothing to a version that looks for something else. */
const kinds = Object.keys(FLAWS).join();

function keep(file: string, keyspace: string, progress: Progress): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify({ keyspace, kinds, progress }));
    renameSync(`${file}.new`, file);
  } catch {
    throw new CannotVerify(`${file} can't be written.`);
  }
}

async function connect(client: Client, options: CassandraOptions): Promise<void> {
  let schema;
  try {
    await client.connect();
    const { read } = sessionOptions(options).consistency;
    schema = await stateOf(client.execute(SCHEMA_STATE, [], { consistency: read, isIdempotent: true }));
  } catch (error) {
    const flaw = configurationFlaw(error, options);
    throw new CannotVerify(flaw ?? `Cassandra can't be reached at ${options.contactPoints.join(', ')}.`);
  }
  const flaw = schemaFlaw(schema);
  if (flaw !== null) throw new CannotVerify(flaw);
}

/** Prints findings, the first `show` of them. */
function printer({ show, json }: Asked): (finding: Finding) => void {
  let printed = 0;
  return ({ kind, state, conversationId, userId, messageId }) => {
    printed += 1;
    if (printed === show + 1) console.error('Further findings are counted, and not printed.');
    if (printed > show) return;
    const names = { conversation_id: conversationId, user_id: userId, message_id: messageId };
    const words = Object.entries(names).flatMap(([name, id]) => (id === null ? [] : `${name}=${id}`));
    console.log(
      json ? JSON.stringify({ finding: { kind, state, ...names } }) : [state, kind, ...words].join(' '),
    );
  };
}

function summaryOf({ seen, flaws }: Progress, { repair, json }: Asked, left: number): string {
  if (json) return JSON.stringify({ summary: { seen, flaws, left } });
  const row = (...[kind, found, mended, about]: readonly (string | number)[]): string =>
    `${String(kind).padEnd(26)}${String(found).padStart(8)}${String(mended).padStart(8)}  ${about}`;
  const lines = Object.entries(flaws).map(([kind, { found, mended }]) =>
    row(kind, found, mended, FLAWS[kind as FlawKind]),
  );
  const { messages, buckets, inboxRows } = seen;
  return [
    row('', 'found', 'mended', '').trimEnd(),
    ...lines,
    `${messages} messages in ${buckets} buckets and ${inboxRows} inbox rows were looked at; ${left} findings are left.`,
    ...(repair ? reasonsOf(flaws) : []),
  ].join('\n');
}

/** Why mending did not help. */
function reasonsOf(flaws: Progress['flaws']): string[] {
  const isLeft = (kind: FlawKind): boolean => flaws[kind].found > flaws[kind].mended;
  const others = (Object.keys(FLAWS) as FlawKind[]).filter((kind) => kind !== 'head_without_message');
  return [
    ...(isLeft('head_without_message')
      ? [
          'A head that names no message can only be replaced by a later one: every message is written with its own\n' +
            'time, and loses against it. The next message of the conversation is such a one.',
        ]
      : []),
    ...(others.some(isLeft)
      ? [
          'What is wrong after it was written again was deleted, or written by another hand, at a later time than\n' +
            "the message's own, and that wins. A head is set right by the conversation's next message.",
        ]
      : []),
  ];
}

async function walk(options: CassandraOptions, ask: Asked, toldToStop: AbortSignal): Promise<0 | 1> {
  const { resume, rate, settle, repair } = ask;
  let progress = placeIn(resume, options.keyspace);
  const client = makeClient(options);
  try {
    await connect(client, options);
    if (resume !== null) keep(resume, options.keyspace, progress);
    let told = performance.now();
    const places = verify({
      session: makeSession(client, () => true, sessionOptions(options)),
      from: progress,
      rowsPerSecond: rate,
      settleMs: settle * 1_000,
      repair,
      found: printer(ask),
      signal: toldToStop,
    });
    for await (progress of places) {
      if (resume !== null) keep(resume, options.keyspace, progress);
      if (performance.now() - told < 5_000) continue;
      told = performance.now();
      console.error(progressOf(progress));
    }
    if (resume !== null) rmSync(resume);
    const left = Object.values(progress.flaws).reduce((sum, { found, mended }) => sum + found - mended, 0);
    console.log(summaryOf(progress, ask, left));
    return left === 0 ? 0 : 1;
  } catch (error) {
    const place = resume === null ? '' : ` The same command goes on from where ${resume} says.`;
    if (error instanceof CannotVerify) throw error;
    if (toldToStop.aborted) throw new CannotVerify(`Stopped; ${progressOf(progress)}.${place}`);
    if (!(error instanceof StorageFailure)) throw error;
    throw new CannotVerify(`Cassandra does not answer; ${progressOf(progress)}.${place}`);
  } finally {
    await client.shutdown();
  }
}

function progressOf(progress: Progress): string {
  const { pass, seen, flaws, suspects } = progress;
  const found = Object.values(flaws).reduce((sum, tally) => sum + tally.found, 0);
  return (
    `${pass} ${Math.floor(shareOf(progress) * 100)} %: ${seen.messages} messages, ${seen.inboxRows} inbox rows, ` +
    `${found} findings, ${suspects.length} to be looked at again`
  );
}

async function main(): Promise<number> {
  const toldToStop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => toldToStop.abort());
  try {
    const ask = asked();
    if (ask === 'help') {
      console.log(help);
      return 0;
    }
    const env = (await withLocalCassandra(process.env)) ?? process.env;
    const { cassandra } = readConfig(env, (path) => readFileSync(path, 'utf8'));
    return await walk(cassandra, ask, toldToStop.signal);
  } catch (error) {
    console.error(error instanceof CannotVerify || error instanceof ConfigError ? error.message : error);
    return 2;
  }
}

process.exitCode = await main();
