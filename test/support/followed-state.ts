import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ConversationSummary } from '../../src/application/get-conversation.ts';
import type { ReportedEvent } from '../../src/application/list-events.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { Participants } from '../../src/domain/conversation.ts';
import type { EventCursor } from '../../src/domain/event-cursor.ts';
import { membersAt } from '../../src/domain/group.ts';
import type { ConversationId, EventId, MessageId, UserId } from '../../src/domain/ids.ts';
import { laterPosition } from '../../src/domain/read-position.ts';
import { appendRequest, freshUser, idAt } from '../contracts/fixtures.ts';
import { list, type FollowingSubject } from '../contracts/following.ts';

/*
 * A device keeps the state of a user: it lists everything once, and then applies only events. After random commands,
 * lost responses and resumes, that state must be the one that is listed. Only when the user joins or leaves a group, the
 * device lists that group again, as the typed client does.
 */

/** A storage whose events can be followed, and its use cases. */
export interface FollowedSubject extends FollowingSubject {
  readonly useCases: UseCases;
}

/** Commands of a few users, who are numbers, and the steps of their devices. */
export type LiveStep =
  /** A message becomes visible at an age that is a share of the visibility window; beyond 1 it is late. */
  | { readonly kind: 'send'; readonly from: number; readonly to: number; readonly age: number }
  /** An edit or a deletion of one of the sent messages. */
  | { readonly kind: 'change'; readonly message: number; readonly change: 'edit' | 'delete' }
  | { readonly kind: 'start'; readonly pair: readonly [number, number] }
  /** A read mark up to one of the sent messages, or up to all. */
  | { readonly kind: 'mark'; readonly reader: number; readonly other: number; readonly upTo: number | 'all' }
  | GroupStep
  /** A device lists events; the response may be lost. */
  | { readonly kind: 'follow'; readonly device: number; readonly limit: number; readonly isLost: boolean }
  /** A device forgets its state, and lists everything again. */
  | { readonly kind: 'begin'; readonly device: number }
  /** A share of the window passes. */
  | { readonly kind: 'pass'; readonly time: number };

/**
 * A command in one of the groups; the first one creates a group. The message, the join or the departure becomes visible at
 * an age as that of a send.
 */
interface GroupStep {
  readonly kind: 'group';
  readonly action: 'create' | 'add' | 'remove' | 'rename' | 'send' | 'mark';
  readonly group: number;
  /** Who is added or removed, sends or marks; or who is not in the new group. */
  readonly who: number;
  readonly age: number;
  /** Whether a send has read the members long before: it also reaches those who have left by now, or joined again. */
  readonly isRaced: boolean;
}

const USERS = 3;
/** With one who is in groups only. */
const GROUP_USERS = USERS + 1;
/** Two devices of the first user, one of the second, and one of the user who is in groups only. */
const DEVICES = [0, 0, 1, USERS] as const;

const person = fc.nat(USERS - 1);
const device = fc.nat(DEVICES.length - 1);

function stepOf<Kind extends LiveStep['kind'], Fields extends object>(
  kind: Kind,
  fields: { [Field in keyof Fields]: fc.Arbitrary<Fields[Field]> },
) {
  return fc.record({ kind: fc.constant(kind), ...fields });
}

const age = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: 0.6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(2) },
);

export const liveScripts: fc.Arbitrary<LiveStep[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: stepOf('send', { from: person, to: person, age }) },
    {
      weight: 8,
      arbitrary: stepOf('group', {
        action: fc.constantFrom(
          ...([
            'create',
            'send',
            'send',
            'send',
            'add',
            'add',
            'remove',
            'remove',
            'rename',
            'mark',
          ] as const),
        ),
        group: fc.nat(1),
        who: fc.nat(GROUP_USERS - 1),
        age,
        isRaced: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: stepOf('change', {
        message: fc.nat(30),
        change: fc.constantFrom('edit' as const, 'delete' as const),
      }),
    },
    { weight: 1, arbitrary: stepOf('start', { pair: fc.tuple(person, person) }) },
    {
      weight: 3,
      arbitrary: stepOf('mark', {
        reader: person,
        other: person,
        upTo: fc.oneof(fc.nat(30), fc.constant('all' as const)),
      }),
    },
    {
      weight: 6,
      arbitrary: stepOf('follow', {
        device,
        limit: fc.integer({ min: 1, max: 10 }),
        isLost: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: stepOf('begin', { device }) },
    { weight: 1, arbitrary: stepOf('pass', { time: fc.double({ min: 0, max: 1.5, noNaN: true }) }) },
  ) as fc.Arbitrary<LiveStep>,
  { minLength: 5, maxLength: 60, size: 'max' },
);

/** Above every event. */
const ABOVE_ALL = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as EventId;

/** Runs a script, lets every device follow to the end, and asserts that each has the state that is listed. */
export async function liveAndCheck(subject: FollowedSubject, script: readonly LiveStep[]): Promise<void> {
  const { storage, useCases, visibilityWindow, now, pass } = subject;
  const users = Array.from({ length: GROUP_USERS }, freshUser);
  const sent: MessageId[] = [];
  const requests: AppendRequest[] = [];
  const devices = DEVICES.map((user) => new Device(subject, users[user]!));
  /** Each with all who have ever been members. */
  const groups: { readonly id: ConversationId; readonly everyone: Set<UserId> }[] = [];

  const playInGroup = async ({ action, group, who, age, isRaced }: GroupStep): Promise<void> => {
    const userId = users[who]!;
    const known = groups[group % groups.length];
    if (known === undefined || action === 'create') {
      const participantIds = users.filter((_, n) => n !== who);
      const created = { creatorId: participantIds[0]!, participantIds, name: null, idempotencyKey: null };
      const { conversation } = await useCases.createGroup({ caller: SERVICE, ...created });
      groups.push({ id: conversation.id, everyone: new Set(participantIds) });
      // So messages of an old group may be late.
      if (isRaced) pass(3 * visibilityWindow);
      return;
    }
    const { id } = known;
    const roster = (await storage.groups.find(id)) ?? assert.fail('the group exists');
    const aged = idAt(Math.floor(now() - age * visibilityWindow));
    switch (action) {
      case 'add':
      case 'remove': {
        const event = aged > roster.changed ? aged : idAt(Math.floor(now()));
        if (action === 'add') await storage.groups.join(id, userId, event);
        else await storage.groups.leave(id, userId, event);
        if (action === 'add') known.everyone.add(userId);
        return;
      }
      case 'rename':
        await useCases.renameGroup({ caller: SERVICE, conversationId: id, name: `Name ${aged}` });
        return;
      case 'mark':
        await storage.readPositions.mark({ userId, conversationId: id, upTo: isRaced ? ABOVE_ALL : aged });
        return;
      case 'send': {
        const members = membersAt(roster.members, aged);
        if (!members.includes(userId)) return;
        const { message } = appendRequest([userId, userId], aged, `No. ${sent.length}`);
        const request = {
          message: { ...message, conversationId: id, receiverId: null },
          participants: isRaced ? [...known.everyone] : members,
          idempotencyKey: null,
          isLive: true,
        };
        await storage.messages.append(request);
        requests.push(request);
        sent.push(aged);
      }
    }
  };

  for (const one of devices) await one.begin();
  for (const step of script) {
    switch (step.kind) {
      case 'send': {
        const participants = [users[step.from]!, users[step.to]!] as const;
        const id = idAt(Math.floor(now() - step.age * visibilityWindow));
        const request = { ...appendRequest(participants, id, `No. ${sent.length}`), isLive: true };
        await storage.messages.append(request);
        requests.push(request);
        sent.push(id);
        break;
      }
      case 'change': {
        const request = requests[step.message % requests.length];
        if (request === undefined) break;
        const { message, participants } = request;
        const about = { conversationId: message.conversationId, messageId: message.id, participants };
        const changeId = idAt(Math.floor(now()));
        if (step.change === 'delete') await storage.messages.delete({ ...about, deletionId: changeId });
        else await storage.messages.edit({ ...about, editId: changeId, content: `Edit ${changeId}` });
        break;
      }
      case 'start': {
        const participantIds = [users[step.pair[0]]!, users[step.pair[1]]!] as const;
        await useCases.startConversation({ caller: SERVICE, participantIds });
        break;
      }
      case 'mark': {
        const { conversationId } = appendRequest(
          [users[step.reader]!, users[step.other]!],
          idAt(now()),
        ).message;
        const upTo = step.upTo === 'all' ? ABOVE_ALL : (sent[step.upTo % sent.length] ?? ABOVE_ALL);
        // A conversation that does not exist yet is refused.
        await storage.readPositions.mark({ userId: users[step.reader]!, conversationId, upTo });
        break;
      }
      case 'group':
        await playInGroup(step);
        break;
      case 'follow':
        await devices[step.device]!.follow(step.limit, step.isLost);
        break;
      case 'begin':
        await devices[step.device]!.begin();
        break;
      case 'pass':
        pass(Math.floor(step.time * visibilityWindow));
    }
  }
  for (const one of devices) {
    for (let rounds = 0; await one.follow(10, false); rounds += 1) {
      assert.ok(rounds < 1_000, 'following comes to rest');
      if (rounds % 50 === 49) pass(visibilityWindow);
    }
    const listed = await listedState(subject, one.userId);
    assert.deepEqual(
      one.entries(),
      entriesOf(listed).map((entry, index) =>
        one.isComplete(entry.conversationId) ? entry : { ...entry, unread: one.entries()[index]?.unread },
      ),
      'the inbox',
    );
    assert.deepEqual(one.conversations(), conversationsOf(listed), 'the conversations');
  }
}

/** One entry of an inbox. */
interface Entry {
  readonly conversationId: ConversationId;
  readonly lastEventId: EventId;
  readonly lastMessageId: MessageId | null;
  /** The number of unread messages. */
  readonly unread: number | null | undefined;
}

/** A conversation: its messages, oldest first, and who has read how far. */
interface ConversationState {
  readonly messages: readonly (readonly [MessageId, content: string | null])[];
  readonly positions: Readonly<Record<UserId, EventId>>;
  readonly group: GroupState | null;
}

/** A group as one of its members sees it; `left` if the user has left it. */
type GroupState = { readonly name: string | null; readonly participants: Participants } | 'left';

interface Listed {
  readonly entry: Entry;
  readonly state: ConversationState;
}

async function listedState({ useCases }: FollowedSubject, userId: UserId): Promise<Listed[]> {
  const caller = { kind: 'user', userId } as const;
  const page = { before: null, limit: 100, page: 1 };
  const inbox = await useCases.listConversations({ caller, userId, ...page, unreadCounts: true });
  return Promise.all(
    inbox.items.map(
      async ({ conversationId, lastEventId, lastMessage, unreadCount, readUpTo, membership }) => {
        const messages = await useCases.listMessagesBefore({ caller, conversationId, ...page });
        const summary = await useCases.getConversation({ caller, conversationId });
        const readPositions = summary.readPositions ?? [{ userId, readUpTo }];
        return {
          entry: {
            conversationId,
            lastEventId,
            lastMessageId: lastMessage?.messageId ?? null,
            unread: unreadCount,
          },
          state: {
            messages: messages.items.map(({ id, content }) => [id, content] as const).reverse(),
            positions: Object.fromEntries(
              readPositions.flatMap(({ userId, readUpTo }) =>
                readUpTo === null ? [] : [[userId, readUpTo]],
              ),
            ),
            group: (membership?.left ?? null) === null ? groupIn(summary) : 'left',
          },
        };
      },
    ),
  );
}

function groupIn({ conversation: { group, participants } }: ConversationSummary): GroupState | null {
  return group === undefined ? null : { name: group.name, participants };
}

/**
 * The entries of the inbox, except for groups that the user has left, which may move to the place of leaving without an event.
 */
function entriesOf(listed: readonly Listed[]): Entry[] {
  return listed.flatMap(({ entry, state }) => (state.group === 'left' ? [] : [entry]));
}

/** The conversations. A user who has left a group gets no events of deletions, so these are compared without content. */
function conversationsOf(listed: readonly Listed[]): Record<ConversationId, ConversationState> {
  return Object.fromEntries(
    listed.map(({ entry: { conversationId }, state }) => {
      const messages = state.messages.map(([id]) => [id, null] as const);
      return [conversationId, state.group === 'left' ? { ...state, messages } : state];
    }),
  );
}

/** What a device knows of a conversation. */
interface Known {
  readonly messages: Map<
    MessageId,
    { content: string | null; senderId: UserId | null; lastEventId: EventId }
  >;
  readonly positions: Map<UserId, EventId>;
  lastEventId: EventId | null;
  lastMessageId: MessageId | null;
  group: GroupState | null;
  /** Whether it came only by events, so that the event of each message is known. */
  readonly isComplete: boolean;
}

/** A device of a user. */
class Device {
  readonly userId: UserId;
  readonly #subject: FollowedSubject;
  #known = new Map<ConversationId, Known>();
  #cursor: EventCursor | null = null;

  constructor(subject: FollowedSubject, userId: UserId) {
    this.#subject = subject;
    this.userId = userId;
  }

  /** Takes a cursor, and then lists everything: what happens in between is in both. */
  async begin(): Promise<void> {
    this.#cursor = (await list(this.#subject, this.userId, null)).cursor;
    this.#known.clear();
    for (const listed of await listedState(this.#subject, this.userId)) this.#take(listed, false);
  }

  /** Lists a group that the user has joined or left. */
  async #listAgain(id: ConversationId): Promise<void> {
    const listed = (await listedState(this.#subject, this.userId)).find(
      ({ entry }) => entry.conversationId === id,
    );
    if (listed !== undefined) this.#take(listed, listed.state.messages.length === 0);
  }

  #take({ entry, state }: Listed, isComplete: boolean): void {
    const { conversationId, lastEventId, lastMessageId } = entry;
    this.#known.set(conversationId, {
      messages: new Map(
        state.messages.map(([id, content]) => [id, { content, senderId: null, lastEventId: id }]),
      ),
      positions: new Map(Object.entries(state.positions) as [UserId, EventId][]),
      lastEventId,
      lastMessageId,
      group: state.group,
      isComplete,
    });
  }

  /** Applies the next events; false at the end. A lost response changes nothing. */
  async follow(limit: number, isLost: boolean): Promise<boolean> {
    const { events, cursor, isComplete } = await list(this.#subject, this.userId, this.#cursor, { limit });
    if (isLost) return true;
    for (const event of events) await this.#apply(event);
    this.#cursor = cursor;
    return events.length > 0 || !isComplete;
  }

  isComplete(id: ConversationId): boolean {
    return this.#known.get(id)?.isComplete ?? true;
  }

  async #apply(event: ReportedEvent): Promise<void> {
    switch (event.type) {
      case 'message.created': {
        const { id, conversationId, senderId, content } = event.message;
        const known = this.#conversation(conversationId);
        const lastEventId = laterPosition(known.messages.get(id)?.lastEventId ?? null, event.id)!;
        known.messages.set(id, { content, senderId, lastEventId });
        if (known.lastMessageId === null || event.id > known.lastEventId!) {
          known.lastEventId = event.id;
          known.lastMessageId = id;
        }
        this.#move(known, senderId, id);
        return;
      }
      case 'message.edited': {
        const { id, conversationId, content } = event.message;
        this.#change(conversationId, id, content);
        return;
      }
      case 'message.deleted':
        this.#change(event.conversationId, event.messageId, null);
        return;
      case 'conversation.created':
      case 'conversation.updated': {
        const { id, group, participants } = event.summary.conversation;
        const isOwn = event.type === 'conversation.created' || !participants.includes(this.userId);
        if (group !== undefined && isOwn) return this.#listAgain(id);
        const known = this.#conversation(id);
        if (group !== undefined) {
          known.group = groupIn(event.summary);
          return;
        }
        const isEarlier = known.lastEventId === null || event.id < known.lastEventId;
        if (known.lastMessageId === null && isEarlier) known.lastEventId = event.id;
        return;
      }
      case 'conversation.read':
        this.#move(this.#conversation(event.conversationId), event.readerId, event.readUpTo);
    }
  }

  /** If the message is not known yet, its own event comes later, with the content that it has then. */
  #change(conversationId: ConversationId, id: MessageId, content: string | null): void {
    const message = this.#conversation(conversationId).messages.get(id);
    if (message !== undefined) message.content = content;
  }

  #conversation(id: ConversationId): Known {
    const known = this.#known.get(id) ?? {
      messages: new Map(),
      positions: new Map(),
      lastEventId: null,
      lastMessageId: null,
      group: null,
      isComplete: true,
    };
    this.#known.set(id, known);
    return known;
  }

  #move({ positions }: Known, userId: UserId, upTo: EventId): void {
    positions.set(userId, laterPosition(positions.get(userId) ?? null, upTo)!);
  }

  entries(): Entry[] {
    return entriesOf(this.#listed()).sort((a, b) => (a.lastEventId > b.lastEventId ? -1 : 1));
  }

  conversations(): Record<ConversationId, ConversationState> {
    return conversationsOf(this.#listed());
  }

  #listed(): Listed[] {
    return [...this.#known].map(([conversationId, known]) => {
      const { lastEventId, lastMessageId, messages, positions, group } = known;
      const readUpTo = positions.get(this.userId) ?? '';
      const unread = [...messages.values()].filter(
        (message) =>
          message.senderId !== this.userId && message.content !== null && message.lastEventId > readUpTo,
      ).length;
      // In a group, only one's own position is known.
      const shown = [...positions].filter(([userId]) => group === null || userId === this.userId);
      return {
        entry: { conversationId, lastEventId: lastEventId!, lastMessageId, unread },
        state: {
          messages: [...messages].map(([id, { content }]) => [id, content] as const).sort(byId),
          positions: Object.fromEntries(shown),
          group,
        },
      };
    });
  }
}

function byId([one]: readonly [MessageId, unknown], [other]: readonly [MessageId, unknown]): number {
  return one < other ? -1 : 1;
}
