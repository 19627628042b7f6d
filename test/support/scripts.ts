import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE, type Caller } from '../../src/domain/caller.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import type {
  ConversationId,
  EventId,
  IdempotencyKey,
  MessageId,
  Position,
  UserId,
} from '../../src/domain/ids.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import {
  messageIdAt,
  microsecondsOf,
  positionAtTimestamp,
  timestampOf,
  type Microseconds,
} from '../../src/domain/time.ts';
import { makeModel } from './model.ts';
import { useCasesOver } from './use-cases.ts';

/**
 * Commands of a few users as data that shrinks and prints well. Users and keys are numbers; each run maps them to fresh
 * names, so that runs do not affect each other on one store.
 */
export type Step = InGroup | Send | Burst | Change | Start | Mark | Save | ReadStep | Walk;

/** The process (one of two) and the time of its clock, which may be any time. */
interface Moment {
  readonly host: 0 | 1;
  /** Relative to noon of a fixed day. */
  readonly microseconds: Microseconds;
}

/** The caller: a user, or a service that acts for all users. */
type By = number | 'service';

interface Send {
  readonly step: 'send';
  readonly by: By;
  readonly moment: Moment;
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly key: number | null;
}

/** Concurrent sends. They have no keys, because the send that claims a key would be random. */
interface Burst {
  readonly step: 'burst';
  readonly sends: readonly Send[];
}

/** An edit or a deletion of a message that was sent, or of an id that may be no message. */
interface Change {
  readonly step: 'change';
  readonly kind: 'edit' | 'delete';
  readonly by: By;
  readonly moment: Moment;
  readonly message: number;
  /** Whether the conversation is that of `pair`, and not that of the message. */
  readonly isOtherPair: boolean;
  readonly pair: readonly [number, number];
  readonly text: string;
}

interface Start {
  readonly step: 'start';
  readonly by: By;
  readonly moment: Moment;
  readonly pair: readonly [number, number];
}

/** A read mark up to a message, or up to the last event of the reader. */
interface Mark {
  readonly step: 'mark';
  readonly by: By;
  readonly host: 0 | 1;
  /** The reader and the other participant. */
  readonly pair: readonly [number, number];
  readonly upTo: number | 'all';
}

/** A command or a read in one of the groups that were created so far. */
interface InGroup {
  readonly step: 'group';
  readonly action:
    | 'create'
    | 'send'
    | 'send to pair'
    | 'add'
    | 'remove'
    | 'rename'
    | 'edit'
    | 'delete'
    | 'mark'
    | 'conversation'
    | 'message'
    | 'messages';
  readonly by: By;
  readonly host: 0 | 1;
  readonly group: number;
  readonly who: number;
  readonly other: number;
  readonly message: number;
  readonly text: string;
  readonly key: number | null;
  readonly limit: number;
}

interface Save {
  readonly step: 'save';
  readonly by: By;
  readonly host: 0 | 1;
  readonly who: number;
  readonly name: string;
}

/** A read of a user, a message, a conversation, a page of its messages, or a page of an inbox. */
interface ReadStep {
  readonly step: 'read';
  readonly by: By;
  readonly host: 0 | 1;
  readonly at: 'user' | 'message' | 'conversation' | 'messages' | 'inbox';
  readonly message: number;
  readonly pair: readonly [number, number];
  readonly below: Bound;
  readonly limit: number;
  readonly page: number;
  readonly counts: boolean;
}

/** A list from its top, or from the end of its last page. */
type Bound = 'top' | 'next' | { readonly message: number; readonly by: 'id' | 'time' };

/** All pages of a list. */
interface Walk {
  readonly step: 'walk';
  readonly by: By;
  readonly host: 0 | 1;
  readonly through: 'messages' | 'inbox';
  readonly pair: readonly [number, number];
  readonly limit: number;
}

const NOON: Microseconds = Date.UTC(2025, 5, 15, 12) * 1_000;
/** Above every event. */
const ABOVE_ALL = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as EventId;

const DAY: Microseconds = 24 * 60 * 60 * 1_000_000;

const host = fc.constantFrom(0 as const, 1 as const);
const person = fc.nat(3);
const pair = fc.tuple(person, person);
const by: fc.Arbitrary<By> = fc.oneof(
  { weight: 2, arbitrary: fc.constant('service' as const) },
  { weight: 1, arbitrary: person },
);

/** Mostly close together, so that many fall in one microsecond, millisecond or ten seconds; or years apart. */
const moment: fc.Arbitrary<Moment> = fc
  .record({
    host,
    day: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -900, max: 40 })),
    within: fc.oneof(fc.nat(2), fc.nat(3_000), fc.nat(30_000_000)),
  })
  .map(({ day, within, ...rest }) => ({ ...rest, microseconds: day * DAY + within }));

/** Few different words, so that keys repeat with the same body; or any text, including blank and long ones. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('yes', 'no') },
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);

const send: fc.Arbitrary<Send> = fc.record({
  step: fc.constant('send' as const),
  by,
  moment,
  from: person,
  to: person,
  text,
  key: fc.option(fc.nat(1)),
});

const bound: fc.Arbitrary<Bound> = fc.oneof(
  fc.constant('top' as const),
  fc.constant('next' as const),
  fc.record({ message: fc.nat(50), by: fc.constantFrom('id' as const, 'time' as const) }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: send },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('burst' as const),
      sends: fc.array(
        send.map((one) => ({ ...one, key: null })),
        { minLength: 2, maxLength: 8 },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('change' as const),
      kind: fc.constantFrom('edit' as const, 'edit' as const, 'delete' as const),
      by,
      moment,
      message: fc.nat(50),
      isOtherPair: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
      pair,
      text,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      step: fc.constant('group' as const),
      action: fc.constantFrom(
        ...(['create', 'send', 'send', 'send', 'add', 'add', 'remove', 'remove', 'rename'] as const),
        ...(['send to pair', 'edit', 'delete', 'mark', 'conversation', 'message', 'messages'] as const),
      ),
      by,
      host,
      group: fc.nat(2),
      who: person,
      other: person,
      message: fc.nat(20),
      text,
      key: fc.option(fc.nat(1)),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('start' as const), by, moment, pair }) },
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('mark' as const),
      by,
      host,
      pair,
      upTo: fc.oneof(fc.nat(50), fc.constant('all' as const)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('save' as const),
      by,
      host,
      who: person,
      name: fc.string({ unit: 'grapheme', maxLength: 110 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant('read' as const),
      by,
      host,
      at: fc.constantFrom('user', 'message', 'conversation', 'messages', 'inbox'),
      message: fc.nat(50),
      pair,
      below: bound,
      limit: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 })),
      page: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 })),
      counts: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('walk' as const),
      by,
      host,
      through: fc.constantFrom('messages', 'inbox'),
      pair,
      limit: fc.constantFrom(1, 2, 5),
    }),
  },
);

/** Scripts of up to `maxLength` steps. */
export function scripts(maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(step, { maxLength, size: 'max' });
}

/** The maximum number of repeats of a step on storage failures. */
const MAX_ATTEMPTS = 50;

type Call = (useCases: Omit<UseCases, 'listEvents'>) => Promise<object>;

interface CallResult {
  readonly answer: object;
  /** Whether it took several tries, so that it is unknown which try was applied. */
  readonly repeated: boolean;
}

/**
 * Runs `script` on two processes over one store and on the model, and rejects with an `AssertionError` at the first
 * different response. Both get the same ids and times. After a storage failure the step is repeated until it succeeds, as
 * a client does. `observed` wraps the use cases of the processes.
 */
export async function playToBoth(
  hosts: readonly [Storage, Storage],
  script: readonly Step[],
  observed: (useCases: UseCases) => UseCases = (useCases) => useCases,
): Promise<void> {
  const run = randomUUID().slice(0, 8);
  const userOf = (n: number) => `${run}-${n}` as UserId;
  const callerOf = (by: By): Caller => (by === 'service' ? SERVICE : { kind: 'user', userId: userOf(by) });
  const conversationOf = (people: readonly number[]): ConversationId =>
    conversationIdOf(participantsOf(...people.map(userOf)));

  const ids: MessageId[] = [];
  // No two ids share their nine digits, so the time decides their order; within a microsecond the thousandths are
  // unordered.
  const idAt = (microseconds: Microseconds): MessageId => {
    // The ids of groups must differ from those of other runs.
    const id = messageIdAt(NOON + microseconds, (ids.length * 389) % 1000, run.padEnd(13, '0'));
    ids.push(id);
    return id;
  };
  const idsAlike = (next: () => MessageId) => ({
    clock: { now: () => microsecondsOf(next()), latest: () => 0 },
    messageIds: { next, observe: () => undefined },
  });

  let modelsId = idAt(0);
  const model = makeModel(idsAlike(() => modelsId));

  const callReal = (host: 0 | 1, id: MessageId, call: Call): Promise<CallResult> =>
    resultOf(
      observed(
        useCasesOver(
          hosts[host],
          idsAlike(() => id),
        ),
      ),
      call,
    );

  /** Runs the step on the model too, and compares. */
  const compare = async (real: CallResult, id: MessageId, call: Call): Promise<void> => {
    modelsId = id;
    const expected = await resultOf(model, call);
    // A repeat of a delivered send adds no event, so it does not read who got the first one.
    const isReplay = 'replayed' in real.answer && real.answer.replayed === true;
    const comparable = ({ answer }: CallResult): object => ({
      ...answer,
      ...(real.repeated && { replayed: null, started: null, created: null, notified: null }),
      ...(isReplay && { recipients: null }),
    });
    assert.deepEqual(comparable(real), comparable(expected));
  };

  const callBoth = async (host: 0 | 1, id: MessageId, call: Call): Promise<object> => {
    const real = await callReal(host, id, call);
    await compare(real, id, call);
    return real.answer;
  };

  const sent: { readonly conversationId: ConversationId; readonly messageId: MessageId }[] = [];
  const recordSend = ({ from, to }: Send, messageId: MessageId): void =>
    void sent.push({ conversationId: conversationOf([from, to]), messageId });

  const groupIds: ConversationId[] = [];
  const sentInGroups: { readonly conversationId: ConversationId; readonly messageId: MessageId }[] = [];
  /** Later than all before, since a join and a message are ordered by their ids. */
  const laterId = (): MessageId => idAt(3 * 365 * DAY + ids.length);

  const playInGroup = async (step: InGroup): Promise<unknown> => {
    // So most steps have a group to change.
    if (groupIds.length === 0 && step.action !== 'create') {
      await playInGroup({ ...step, action: 'create', by: 'service', message: 0, key: null, limit: 1 });
    }
    const { action, host, text, limit } = step;
    const caller = callerOf(step.by);
    const userId = userOf(step.who);
    const idempotencyKey = step.key === null ? null : (`key-${run}-${step.key}` as IdempotencyKey);
    const conversationId =
      groupIds[step.group % Math.max(groupIds.length, 1)] ?? (ids[0] as string as ConversationId);
    const named = sentInGroups[step.message % Math.max(sentInGroups.length, 1)] ?? {
      conversationId,
      messageId: ids[0] ?? assert.fail(),
    };
    switch (action) {
      case 'create': {
        // The creator is one of the participants, except in one of five groups.
        const isOne = step.limit < 5 && step.other === step.who;
        const absent = isOne ? (step.other + 1) % 4 : step.other;
        const participantIds = [0, 1, 2, 3].filter((n) => n !== absent).map(userOf);
        const name = step.message % 2 === 0 ? null : text;
        const answer = await callBoth(host, laterId(), ({ createGroup }) =>
          createGroup({ caller, creatorId: userId, participantIds, name, idempotencyKey }),
        );
        if ('conversation' in answer) groupIds.push((answer.conversation as { id: ConversationId }).id);
        return;
      }
      case 'send':
      case 'send to pair': {
        const id = laterId();
        const to = action === 'send' ? conversationId : conversationOf([step.who, step.other]);
        if (action === 'send') sentInGroups.push({ conversationId, messageId: id });
        return callBoth(host, id, ({ sendToConversation }) =>
          sendToConversation({ caller, senderId: userId, conversationId: to, content: text, idempotencyKey }),
        );
      }
      case 'add':
        return callBoth(host, laterId(), ({ addMember }) => addMember({ caller, conversationId, userId }));
      case 'remove':
        return callBoth(host, laterId(), ({ removeMember }) =>
          removeMember({ caller, conversationId, userId }),
        );
      case 'rename':
        return callBoth(host, laterId(), ({ renameGroup }) =>
          renameGroup({ caller, conversationId, name: text }),
        );
      case 'edit':
        return callBoth(host, laterId(), ({ editMessage }) =>
          editMessage({ caller, ...named, content: text }),
        );
      case 'delete':
        return callBoth(host, laterId(), ({ deleteMessage }) => deleteMessage({ caller, ...named }));
      case 'mark':
        return callBoth(host, modelsId, ({ markRead }) =>
          markRead({ caller, userId, conversationId, upTo: named.messageId }),
        );
      case 'conversation':
        return callBoth(host, modelsId, ({ getConversation }) => getConversation({ caller, conversationId }));
      case 'message':
        return callBoth(host, modelsId, ({ getMessage }) => getMessage({ caller, ...named }));
      case 'messages': {
        for (let before: Position | null = null; ;) {
          const request = { caller, conversationId, before, limit, page: null };
          const answer = await callBoth(host, modelsId, ({ listMessagesBefore }) =>
            listMessagesBefore(request),
          );
          before = 'next' in answer ? (answer.next as Position | null) : null;
          if (before === null) return;
        }
      }
    }
  };

  /** The id of a send, which is no message if the send was refused or repeated, and its conversation. */
  const sentAt = (index: number, pair: readonly [number, number]) =>
    sent[index % sent.length] ?? {
      conversationId: conversationOf(pair),
      messageId: ids[index % ids.length] ?? assert.fail(),
    };

  const sending = ({ by, from, to, text, key }: Send): Call => {
    const idempotencyKey = key === null ? null : (`key-${run}-${key}` as IdempotencyKey);
    const said = { senderId: userOf(from), receiverId: userOf(to), content: text, idempotencyKey };
    return ({ sendMessage }) => sendMessage({ caller: callerOf(by), ...said });
  };

  const cursors = new Map<string, Position | null>();
  const placeOf = (bound: Bound, list: string): Position | null => {
    if (bound === 'top') return null;
    if (bound === 'next') return cursors.get(list) ?? null;
    const id = ids[bound.message % ids.length] ?? null;
    return id !== null && bound.by === 'time' ? positionAtTimestamp(timestampOf(id)) : id;
  };

  /** Reads a page of a conversation's messages or of the inbox of the first of a pair; returns the start of the next page. */
  const page = async (
    { by, host, pair, limit }: ReadStep | Walk,
    list: 'messages' | 'inbox',
    below: Bound,
    number: number,
    unreadCounts = true,
  ): Promise<Position | null> => {
    const name = `${list} ${list === 'inbox' ? pair[0] : conversationOf(pair)}`;
    const request = { caller: callerOf(by), before: placeOf(below, name), limit, page: number };
    const answer = await callBoth(host, modelsId, ({ listMessagesBefore, listConversations }) =>
      list === 'messages'
        ? listMessagesBefore({ ...request, conversationId: conversationOf(pair) })
        : listConversations({ ...request, userId: userOf(pair[0]), unreadCounts }),
    );
    const next = 'next' in answer ? (answer.next as Position | null) : null;
    cursors.set(name, next);
    return next;
  };

  const play = async (step: Step): Promise<unknown> => {
    switch (step.step) {
      case 'send': {
        const id = idAt(step.moment.microseconds);
        recordSend(step, id);
        return callBoth(step.moment.host, id, sending(step));
      }
      case 'burst': {
        const calls = step.sends.map((one) => ({
          one,
          id: idAt(one.moment.microseconds),
          call: sending(one),
        }));
        const answers = await Promise.all(
          calls.map(({ one, id, call }) => callReal(one.moment.host, id, call)),
        );
        for (const [n, { one, id, call }] of calls.entries()) {
          recordSend(one, id);
          await compare(answers[n] ?? assert.fail(), id, call);
        }
        return;
      }
      case 'change': {
        const named = sentAt(step.message, step.pair);
        const conversationId = step.isOtherPair ? conversationOf(step.pair) : named.conversationId;
        const change = { caller: callerOf(step.by), ...named, conversationId };
        return callBoth(step.moment.host, idAt(step.moment.microseconds), ({ editMessage, deleteMessage }) =>
          step.kind === 'edit' ? editMessage({ ...change, content: step.text }) : deleteMessage(change),
        );
      }
      case 'start': {
        const [one, other] = step.pair;
        const participantIds = [userOf(one), userOf(other)] as const;
        return callBoth(step.moment.host, idAt(step.moment.microseconds), ({ startConversation }) =>
          startConversation({ caller: callerOf(step.by), participantIds }),
        );
      }
      case 'group':
        return playInGroup(step);
      case 'mark': {
        const [who] = step.pair;
        const upTo = step.upTo === 'all' ? ABOVE_ALL : (ids[step.upTo % ids.length] ?? ABOVE_ALL);
        const mark = { userId: userOf(who), conversationId: conversationOf(step.pair), upTo };
        return callBoth(step.host, modelsId, ({ markRead }) =>
          markRead({ caller: callerOf(step.by), ...mark }),
        );
      }
      case 'save': {
        // No two saves at the same time, because the time must decide which is the first.
        const id = idAt(ids.length);
        return callBoth(step.host, id, ({ saveUser }) =>
          saveUser({ caller: callerOf(step.by), userId: userOf(step.who), username: step.name }),
        );
      }
      case 'read': {
        if (step.at === 'messages' || step.at === 'inbox')
          return page(step, step.at, step.below, step.page, step.counts);
        const [who] = step.pair;
        const caller = callerOf(step.by);
        return callBoth(step.host, modelsId, ({ getUser, getMessage, getConversation }): Promise<object> => {
          if (step.at === 'user') return getUser({ userId: userOf(who) });
          if (step.at === 'message') return getMessage({ caller, ...sentAt(step.message, step.pair) });
          return getConversation({ caller, conversationId: conversationOf(step.pair) });
        });
      }
      case 'walk': {
        let next = await page(step, step.through, 'top', 1);
        while (next !== null) next = await page(step, step.through, 'next', 1);
        return;
      }
    }
  };

  for (const step of script) await play(step);
}

/** The response; a refusal counts as a response. */
async function resultOf(useCases: Omit<UseCases, 'listEvents'>, call: Call): Promise<CallResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return { answer: await call(useCases), repeated: tries > 1 };
    } catch (error) {
      if (error instanceof Refusal) return { answer: { refused: error.code }, repeated: tries > 1 };
      // An edit before the last one: the clocks of these processes show any time.
      if (error instanceof ClockNotVerified) return { answer: { refused: 'clock' }, repeated: tries > 1 };
      if (!(error instanceof StorageFailure) || tries === MAX_ATTEMPTS) throw error;
    }
  }
}
