import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { types, type Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient, sessionOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { conversationRow } from '../../src/adapters/cassandra/conversation-repository.ts';
import { emptyHeadOf, headOf } from '../../src/adapters/cassandra/inbox.ts';
import { bucketRow } from '../../src/adapters/cassandra/message-repository.ts';
import { migrate } from '../../src/adapters/cassandra/migrate.ts';
import { makeSession, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import { openCassandraStorage, type CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { bucketOf, LEVELS } from '../../src/adapters/cassandra/stored-time.ts';
import { BEGINNING, verify, type Finding, type Progress } from '../../src/adapters/cassandra/verify.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Posting } from '../../src/application/ports/message-repository.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { readMigrations } from '../../scripts/migrations.ts';
import {
  appendAll,
  conversationOf,
  DAY,
  freshUser,
  freshUsers,
  idAt,
  MINUTE,
  NOON,
  posting,
  SECOND,
  talkOf,
} from '../contracts/cast.ts';
import { overheardLog } from '../support/overheard.ts';
import { optionsFor } from './cluster.ts';

const CONTENT = 'what nobody else may read';

/** All that a send writes, row by row, so that each can be left out. */
function rowsOf({ message, participants }: Posting) {
  const { id, conversationId, senderId, receiverId, content } = message;
  return {
    bucket: statement(...bucketRow(conversationId, id)),
    conversation: statement(...conversationRow({ id: conversationId, participants, created: id })),
    message: statement(
      `INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
       VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
      [conversationId, bucketOf(id), id, senderId, receiverId, content, microsecondsOf(id)],
    ),
    inbox: (userId: UserId) => headOf(message, participants, userId, LEVELS),
  };
}

function statement(query: string, params: readonly unknown[]): Statement {
  return { query, params };
}

let options: CassandraOptions;
let client: Client;
let session: Session;
let storage: CassandraStorage;

beforeAll(async () => {
  options = await freshKeyspace();
  client = makeClient(options);
  await client.connect();
  session = makeSession(client, () => true, sessionOptions(options));
  storage = openStorage(options);
  await storage.started;
}, 120_000);

afterAll(async () => {
  await storage.close();
  await client.shutdown();
});

/** A keyspace of one's own, since a walk sees all that is in one. */
async function freshKeyspace(): Promise<CassandraOptions> {
  const fresh = optionsFor(`verify_${randomUUID().slice(0, 8)}`);
  const migrations = readMigrations();
  await migrate({ options: fresh, replicationFactor: 1, migrations, report: () => undefined });
  return fresh;
}

function openStorage(where: CassandraOptions): CassandraStorage {
  return openCassandraStorage({ options: where, clock: makeClock(), log: overheardLog });
}

async function write(...statements: readonly Statement[]): Promise<void> {
  const writes = session.writes();
  for (const { query, params } of statements) await writes.run(query, params);
}

interface Walked {
  readonly findings: readonly Finding[];
  readonly progress: Progress;
}

const NEVER = new AbortController().signal;

/** A walk, in no hurry to wait; `each` sees its progress, and says whether to leave it there. */
async function walk(
  needs: Partial<Parameters<typeof verify>[0]> = {},
  each: (progress: Progress) => boolean | Promise<boolean> = () => false,
): Promise<Walked> {
  const findings: Finding[] = [];
  const found = (finding: Finding) => findings.push(finding);
  const defaults = {
    session,
    from: BEGINNING,
    rowsPerSecond: 1e6,
    settleMs: 100,
    repair: false,
    signal: NEVER,
  };
  let progress: Progress = BEGINNING;
  for await (progress of verify({ ...defaults, found, ...needs })) {
    if (await each(progress)) break;
  }
  return { findings, progress };
}

function about(conversationId: ConversationId, { findings }: Walked): Finding[] {
  return findings
    .filter((finding) => finding.conversationId === conversationId)
    .sort((a, b) => (`${a.kind}${a.userId}` < `${b.kind}${b.userId}` ? -1 : 1));
}

/** Damage, and what a walk must find of it: the kind, whose inbox, and which message. */
interface Damage {
  readonly conversationId: ConversationId;
  readonly expected: readonly (readonly [Finding['kind'], UserId | null, MessageId])[];
}

/** Two users, ascending, and two messages of one bucket from the first to the second. */
function play() {
  const users = freshUsers().sort();
  const one = posting(users, idAt(NOON), CONTENT);
  const two = posting(users, idAt(NOON + MINUTE), CONTENT);
  return { users, one, two, conversationId: one.message.conversationId };
}

const MENDABLE: Record<string, () => Promise<Damage>> = {
  'a message in a bucket that is not listed': async () => {
    const { users, one, conversationId } = play();
    const later = posting(users, idAt(NOON + 90 * DAY), CONTENT);
    await storage.messages.append(one);
    const { message, inbox } = rowsOf(later);
    await write(message, ...users.flatMap(inbox));
    return { conversationId, expected: [['bucket_unlisted', null, later.message.id]] };
  },

  'a conversation without its row': async () => {
    const { users, one, conversationId } = play();
    const { bucket, message, inbox } = rowsOf(one);
    await write(bucket, message, ...users.flatMap(inbox));
    return { conversationId, expected: [['conversation_missing', null, one.message.id]] };
  },

  'an empty conversation without its row': async () => {
    const me = freshUser();
    const conversation = conversationOf([me], idAt(NOON));
    await write(...emptyHeadOf(conversation, me));
    return {
      conversationId: conversation.id,
      expected: [['conversation_missing', me, conversation.created]],
    };
  },

  'a conversation said to begin after its first message': async () => {
    const { users, one, two, conversationId } = play();
    const { bucket, message, inbox } = rowsOf(one);
    await write(bucket, message, ...users.flatMap(inbox));
    await storage.messages.append(two);
    return { conversationId, expected: [['conversation_created_late', null, one.message.id]] };
  },

  'a message without a row in the inbox of its receiver': async () => {
    const { users, one, conversationId } = play();
    const { bucket, conversation, message, inbox } = rowsOf(one);
    await write(bucket, conversation, message, ...inbox(users[0]));
    return { conversationId, expected: [['inbox_row_missing', users[1], one.message.id]] };
  },

  'a message that died before both inboxes': async () => {
    const { users, one, conversationId } = play();
    const { message } = rowsOf(one);
    await write(message);
    return {
      conversationId,
      expected: [
        ['bucket_unlisted', null, one.message.id],
        ['conversation_missing', null, one.message.id],
        ['inbox_row_missing', users[0], one.message.id],
        ['inbox_row_missing', users[1], one.message.id],
      ],
    };
  },

  'a note to oneself without its inbox row': async () => {
    const me = freshUser();
    const note = posting([me, me], idAt(NOON), CONTENT);
    const { bucket, conversation, message } = rowsOf(note);
    await write(bucket, conversation, message);
    return {
      conversationId: note.message.conversationId,
      expected: [['inbox_row_missing', me, note.message.id]],
    };
  },

  'a head that is not the newest message': async () => {
    const { users, one, two, conversationId } = play();
    await storage.messages.append(one);
    const { message, inbox } = rowsOf(two);
    await write(message, ...inbox(users[0]));
    return { conversationId, expected: [['head_behind', users[1], two.message.id]] };
  },

  'an inbox that shows a conversation as empty which is not': async () => {
    const { users, one, conversationId } = play();
    await storage.conversations.start(conversationOf(users, idAt(NOON - MINUTE)));
    const { bucket, message, inbox } = rowsOf(one);
    await write(bucket, message, ...inbox(users[1]));
    return { conversationId, expected: [['head_behind', users[0], one.message.id]] };
  },

  // What is planted in the next two is smaller than what is right, so that this wins where both have one timestamp.
  'a head with another preview': async () => {
    const { users, one, conversationId } = play();
    const { bucket, conversation, message, inbox } = rowsOf(one);
    await write(bucket, conversation, message, ...users.flatMap(inbox).slice(1));
    await write(head(one, users[0], new types.Tuple(one.message.id, users[0], '')));
    return { conversationId, expected: [['head_differs', users[0], one.message.id]] };
  },

  'a head with another sender': async () => {
    const { users, one, conversationId } = play();
    const { bucket, conversation, message, inbox } = rowsOf(one);
    await write(bucket, conversation, message, ...users.flatMap(inbox).slice(1));
    await write(head(one, users[0], new types.Tuple(one.message.id, '', CONTENT)));
    return { conversationId, expected: [['head_differs', users[0], one.message.id]] };
  },

  'an inbox row that belongs to others than its message': async () => {
    const { users, one, conversationId } = play();
    const { bucket, conversation, message, inbox } = rowsOf(one);
    const others = headOf(one.message, [users[0]], users[0], LEVELS);
    await write(bucket, conversation, message, ...others, ...inbox(users[1]));
    return { conversationId, expected: [['head_differs', users[0], one.message.id]] };
  },

  ...Object.fromEntries(
    LEVELS.map((level) => [
      `a head without its order row of level ${level}`,
      async (): Promise<Damage> => {
        const { users, one, conversationId } = play();
        const { bucket, conversation, message, inbox } = rowsOf(one);
        const others = LEVELS.filter((other) => other !== level);
        await write(bucket, conversation, message, ...inbox(users[1]));
        await write(...headOf(one.message, one.participants, users[0], others));
        return { conversationId, expected: [['order_rows_missing', users[0], one.message.id]] };
      },
    ]),
  ),

  'an empty conversation without its order rows': async () => {
    const users = freshUsers();
    const conversation = conversationOf(users, idAt(NOON));
    await write(statement(...conversationRow(conversation)), ...emptyHeadOf(conversation, users[1]));
    await write(...emptyHeadOf(conversation, users[0]).slice(0, 1));
    return {
      conversationId: conversation.id,
      expected: [['order_rows_missing', users[0], conversation.created]],
    };
  },
};

/** A head cell of whatever content, with the time of the message. */
function head({ message, participants }: Posting, userId: UserId, tuple: types.Tuple): Statement {
  return statement(
    `UPDATE conversations_by_user USING TIMESTAMP ? SET head = ?, participants = ?
     WHERE user_id = ? AND conversation_id = ?`,
    [microsecondsOf(message.id), tuple, participants, userId, message.conversationId],
  );
}

const BEYOND_REPAIR: Record<string, () => Promise<Damage>> = {
  'a head that names a message which is not there': async () => {
    const { users, one, two, conversationId } = play();
    await storage.messages.append(one);
    await write(...rowsOf(two).inbox(users[1]));
    return { conversationId, expected: [['head_without_message', users[1], two.message.id]] };
  },

  'a wrong preview that wins the tie against the right one': async () => {
    const { users, one, conversationId } = play();
    await storage.messages.append(one);
    await write(head(one, users[0], new types.Tuple(one.message.id, users[0], `${CONTENT}, twice`)));
    return { conversationId, expected: [['head_differs', users[0], one.message.id]] };
  },

  'a row that was deleted later than it was written': async () => {
    const { one, conversationId } = play();
    await storage.messages.append(one);
    await write(
      statement('DELETE FROM buckets_by_conversation WHERE conversation_id = ? AND bucket = ?', [
        conversationId,
        bucketOf(one.message.id),
      ]),
    );
    return { conversationId, expected: [['bucket_unlisted', null, one.message.id]] };
  },
};

describe('a walk through what the service wrote', () => {
  const conversations: ConversationId[] = [];
  const send = async (one: Posting): Promise<void> => {
    conversations.push(one.message.conversationId);
    await storage.messages.append(one);
  };

  beforeAll(async () => {
    for (let pair = 0; pair < 10; pair += 1) {
      const users = freshUsers();
      // Out of order, over several buckets, with a gap between them.
      for (const days of [0, 100, 1, 35, 34]) await send(posting(users, idAt(NOON + days * DAY), CONTENT));
    }
    const talkative = freshUsers();
    const many = Array.from({ length: 1_200 }, (_, n) =>
      posting(talkative, idAt(NOON + n * SECOND), CONTENT),
    );
    await appendAll([storage, storage], many);
    conversations.push(talkOf(...talkative));
    const me = freshUser();
    await send(posting([me, me], idAt(NOON), 'a note'));
    const begun = conversationOf(freshUsers(), idAt(NOON));
    conversations.push(begun.id);
    await storage.conversations.start(begun);
    const [sender, receiver] = freshUsers();
    await storage.conversations.start(conversationOf([sender, receiver], idAt(NOON - DAY)));
    await send(posting([sender, receiver], idAt(NOON), '👪'.repeat(200)));
  });

  it('finds nothing', async () => {
    const walked = await walk();
    expect(conversations.flatMap((id) => about(id, walked))).toEqual([]);
    expect(walked.progress).toMatchObject({ pass: 'done', suspects: [] });
  });

  it('finds nothing where two messages of one nanosecond began a conversation', async () => {
    const users = freshUsers();
    const [smaller, larger] = [idAt(NOON, 1), idAt(NOON, 1)].sort() as [MessageId, MessageId];
    await storage.messages.append(posting(users, larger));
    await storage.messages.append(posting(users, smaller));
    // Cassandra keeps the larger of two that were written with one timestamp.
    expect((await storage.conversations.find(talkOf(...users)))?.created).toBe(larger);
    expect(about(talkOf(...users), await walk())).toEqual([]);
  });

  it('sees every row once', async () => {
    const count = async (table: string): Promise<number> => {
      const row = (await client.execute(`SELECT count(*) AS n FROM ${table}`)).first();
      return (row['n'] as types.Long).toNumber();
    };
    const { seen } = (await walk()).progress;
    expect(seen.messages).toBe(await count('messages_by_conversation'));
    expect(seen.inboxRows).toBe(await count('conversations_by_user'));
    // More than a page of them lies in one bucket.
    expect(seen.messages).toBeGreaterThan(1_200);
  });
});

describe('a walk through damage', () => {
  const damages = new Map<string, Damage>();
  let found: Walked;
  let repaired: Walked;
  let after: Walked;

  beforeAll(async () => {
    for (const [name, plant] of Object.entries({ ...MENDABLE, ...BEYOND_REPAIR })) {
      damages.set(name, await plant());
    }
    found = await walk();
    repaired = await walk({ repair: true });
    after = await walk();
  });

  const findingsOf = (name: string, state: Finding['state']): readonly Finding[] => {
    const { conversationId, expected } = damages.get(name)!;
    return expected.map(([kind, userId, messageId]) => ({ kind, conversationId, userId, messageId, state }));
  };
  const aboutDamage = (name: string, walked: Walked): readonly Finding[] =>
    about(damages.get(name)!.conversationId, walked);

  it.each(Object.keys({ ...MENDABLE, ...BEYOND_REPAIR }))('finds %s', (name) => {
    expect(aboutDamage(name, found)).toEqual(findingsOf(name, 'found'));
  });

  it.each(Object.keys(MENDABLE))('mends %s', (name) => {
    expect(aboutDamage(name, repaired)).toEqual(findingsOf(name, 'mended'));
    expect(aboutDamage(name, after)).toEqual([]);
  });

  it.each(Object.keys(BEYOND_REPAIR))('leaves %s', (name) => {
    expect(aboutDamage(name, repaired)).toEqual(findingsOf(name, 'beyond_repair'));
    expect(aboutDamage(name, after)).toEqual(findingsOf(name, 'found'));
  });

  it('counts what it finds and what it mends', () => {
    for (const { findings, progress } of [found, repaired, after]) {
      for (const [kind, { found: all, mended }] of Object.entries(progress.flaws)) {
        const ofKind = findings.filter((finding) => finding.kind === kind);
        expect(all).toBe(ofKind.length);
        expect(mended).toBe(ofKind.filter(({ state }) => state === 'mended').length);
      }
    }
  });

  it('goes on from wherever it was left, and finds the rest', async () => {
    const whole = await walk();
    let places = 0;
    await walk({}, () => (places += 1) < 0);
    expect(places).toBeGreaterThan(20);
    // What was suspected by then was looked at again, or is still to be.
    for (const settleMs of [0, 60_000]) {
      for (let place = 1; place < places; place += 8) {
        let left = place;
        const begun = await walk({ settleMs }, () => (left -= 1) === 0);
        const from = JSON.parse(JSON.stringify(begun.progress)) as Progress;
        const rest = await walk({ from });
        expect(rest.progress).toEqual(whole.progress);
        expect([...begun.findings, ...rest.findings].sort(byName)).toEqual([...whole.findings].sort(byName));
      }
    }
  });
});

function byName(one: Finding, other: Finding): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}

describe('a walk while others go on', () => {
  const suspects = ({ suspects: all }: Progress, id: ConversationId): boolean =>
    all.some(({ subject }) => subject.conversationId === id);

  it('gives a send that is under way the time to end', async () => {
    const { users, one, conversationId } = play();
    const { bucket, conversation, message, inbox } = rowsOf(one);
    await write(bucket, conversation, message);
    let suspected = false;
    const walked = await walk({ settleMs: 2_000 }, async (progress) => {
      if (!suspected && suspects(progress, conversationId)) {
        suspected = true;
        await write(...users.flatMap(inbox));
      }
      return false;
    });
    expect(suspected).toBe(true);
    expect(about(conversationId, walked)).toEqual([]);
  });

  it('does not take a head that has moved on for the one that it suspected', async () => {
    const me = freshUser();
    const [one, two] = [posting([me, me], idAt(NOON)), posting([me, me], idAt(NOON + MINUTE))];
    const { conversationId } = one.message;
    const { bucket, conversation, message } = rowsOf(one);
    const head = (of: Posting) => headOf(of.message, of.participants, me, []);
    await write(bucket, conversation, message, ...head(one));
    let suspected = false;
    const walked = await walk({ settleMs: 2_000 }, async (progress) => {
      if (!suspected && suspects(progress, conversationId)) {
        suspected = true;
        // As wrong as the one before, and it may be on its way to be right.
        await write(rowsOf(two).message, ...head(two));
      }
      return false;
    });
    expect(suspected).toBe(true);
    expect(about(conversationId, walked)).toEqual([]);
  });

  it('finds nothing among conversations that are written to all the time', async () => {
    const ids = makeMessageIds({ clock: makeClock() });
    const pairs = Array.from({ length: 8 }, freshUsers);
    let sent = 0;
    let done = false;
    const sending = pairs.map(async (users) => {
      while (!done) {
        await storage.messages.append(posting(users, ids.next(), CONTENT));
        sent += 1;
        if (sent % 10 === 0) await storage.conversations.start(conversationOf(freshUsers(), ids.next()));
      }
    });
    const begun = Date.now();
    const walks = [await walk({ settleMs: 2_000 }), await walk({ settleMs: 2_000 })];
    done = true;
    await Promise.all(sending);
    const fresh = walks.flatMap(({ findings }) =>
      findings.filter(({ messageId }) => microsecondsOf(messageId) >= begun * 1_000),
    );
    expect(fresh).toEqual([]);
    expect(sent).toBeGreaterThan(50);
  });

  it('reads no more than it may in a second', async () => {
    let rows = 0;
    const counting: Session = {
      ...session,
      read: (...question) => {
        rows += 1;
        return session.read(...question);
      },
      readPage: async (...question) => {
        const page = await session.readPage(...question);
        rows += page.rows.length;
        return page;
      },
    };
    const begun = performance.now();
    await walk({ session: counting, rowsPerSecond: 2_000 });
    expect(rows).toBeGreaterThan(2_000);
    expect(performance.now() - begun).toBeGreaterThan(rows / 2 - 20);
  });

  it('tries again what storage failed to do', async () => {
    const failing = <Question extends unknown[], Answer>(ask: (...question: Question) => Promise<Answer>) => {
      let failures = 1;
      return async (...question: Question): Promise<Answer> => {
        if ((failures -= 1) >= 0) throw new StorageFailure('unavailable');
        return ask(...question);
      };
    };
    const stumbling = {
      ...session,
      read: failing((...question: Parameters<Session['read']>) => session.read(...question)),
      readPage: failing((...question: Parameters<Session['readPage']>) => session.readPage(...question)),
    };
    expect((await walk({ session: stumbling })).progress).toEqual((await walk()).progress);
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    let places = 0;
    const stopped = walk({ signal: stop.signal }, () => {
      places += 1;
      if (places === 5) stop.abort();
      return false;
    });
    await expect(stopped).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(places).toBe(5);
  });
});

describe('npm run verify', () => {
  let where: CassandraOptions;
  let elsewhere: CassandraStorage;

  beforeAll(async () => {
    where = await freshKeyspace();
    elsewhere = openStorage(where);
    await elsewhere.started;
    for (let pair = 0; pair < 5; pair += 1) {
      await elsewhere.messages.append(posting(freshUsers(), idAt(NOON), CONTENT));
    }
  }, 120_000);

  afterAll(() => elsewhere.close());

  const start = (args: readonly string[], { contactPoints } = where) =>
    spawn(process.execPath, ['--import', 'tsx', 'scripts/verify.ts', '--settle', '1', ...args], {
      env: {
        ...process.env,
        CASSANDRA_CONTACT_POINTS: contactPoints.join(),
        CASSANDRA_LOCAL_DATACENTER: where.localDatacenter,
        CASSANDRA_KEYSPACE: where.keyspace,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  async function end(child: ReturnType<typeof start>): Promise<{ code: number; out: string; err: string }> {
    const text = { out: '', err: '' };
    child.stdout.on('data', (data) => (text.out += String(data)));
    child.stderr.on('data', (data) => (text.err += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect(text.out + text.err).not.toContain(CONTENT);
    return { code, ...text };
  }
  const run = (...args: readonly string[]) => end(start(args));

  it('exits with 0 where nothing is wrong', async () => {
    const { code, out } = await run();
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('0 findings are left') });
  });

  it('exits with 1 where something is, until it is mended', async () => {
    const users = freshUsers();
    const { message } = posting(users, idAt(NOON), CONTENT);
    const { id, conversationId } = message;
    await client.execute(
      `INSERT INTO ${where.keyspace}.messages_by_conversation
         (conversation_id, bucket, message_id, sender_id, receiver_id, content) VALUES (?, ?, ?, ?, ?, ?)`,
      [conversationId, bucketOf(id), id, ...users, CONTENT],
      { prepare: true },
    );

    const plain = await run('--show', '1');
    expect(plain.code).toBe(1);
    expect(plain.out.match(/^found .*/gm)).toEqual([
      expect.stringContaining(`conversation_id=${conversationId}`),
    ]);
    expect(plain.out).toContain('4 findings are left');

    const json = await run('--json', '--repair');
    const lines = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { finding?: object; summary?: object });
    expect(json.code).toBe(0);
    expect(lines.filter(({ finding }) => finding !== undefined)).toHaveLength(4);
    expect(lines[0]?.finding).toMatchObject({ state: 'mended', conversation_id: conversationId });
    expect(lines.at(-1)?.summary).toMatchObject({
      seen: { messages: 6 },
      flaws: { inbox_row_missing: { found: 2, mended: 2 } },
      left: 0,
    });

    expect((await run()).code).toBe(0);
  });

  it('keeps its place in a file when it is stopped, and goes on from there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'verify-'));
    const file = join(folder, 'place');
    const kept = watch(folder);
    const child = start(['--resume', file, '--rate', '1']);
    const ended = end(child);
    while (!existsSync(file)) await once(kept, 'change');
    kept.close();
    child.kill('SIGINT');
    const stopped = await ended;
    expect(stopped.code).toBe(2);
    expect(stopped.err).toContain('Stopped');
    expect(readFileSync(file, 'utf8')).not.toContain(CONTENT);

    const resumed = await run('--resume', file);
    expect(resumed.out).toContain('6 messages');
    expect(resumed.code).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it.concurrent.each([
    ['an option that there is not', ['--mend'], '--mend'],
    ['a number that is none', ['--rate', 'fast'], '--rate takes a whole number'],
    ['a file that keeps no place', ['--resume', 'package.json'], 'package.json does not keep'],
  ])('exits with 2 after %s', async (_, args, sentence) => {
    const { code, err } = await run(...args);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(sentence) });
  });

  it('exits with 2 where there is no cluster', async () => {
    const { code, err } = await end(start([], { ...where, contactPoints: ['127.0.0.1:1'] }));
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining("can't be reached at 127.0.0.1:1"),
    });
  });
});
