import type {
  CreateGroupRequest,
  CreateGroupResult,
  GroupRepository,
  MembershipOutcome,
} from '../../application/ports/group-repository.ts';
import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { GroupProfile, Participants } from '../../domain/conversation.ts';
import { isLate, type GroupEventType, type LatenessLimits } from '../../domain/event.ts';
import {
  groupRequestBody,
  MAX_GROUP_SIZE,
  membersAt,
  type Member,
  type OwnMembership,
  type Roster,
} from '../../domain/group.ts';
import type { ConversationId, EventId, Position, UserId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { MemoryConversationRepository } from './conversation-repository.ts';
import type { MemoryEventRepository } from './event-repository.ts';
import type { MemoryIdempotencyKeys } from './idempotency-keys.ts';

type StoredMember = Member & OwnMembership;

interface Group extends Omit<Roster, 'members'> {
  readonly members: ReadonlyMap<UserId, StoredMember>;
}

/** The groups, in this process's memory. */
export class MemoryGroupRepository implements GroupRepository {
  readonly #clock: Pick<Clock, 'latest'>;
  readonly #messageIds: MessageIds;
  readonly #limits: LatenessLimits;
  readonly #conversations: MemoryConversationRepository;
  readonly #events: MemoryEventRepository;
  readonly #keys: MemoryIdempotencyKeys;
  readonly #messagesAbove: (id: ConversationId, position: Position) => readonly Message[];
  readonly #groups = new Map<ConversationId, Group>();

  constructor(deps: {
    clock: Pick<Clock, 'latest'>;
    messageIds: MessageIds;
    limits: LatenessLimits;
    conversations: MemoryConversationRepository;
    events: MemoryEventRepository;
    keys: MemoryIdempotencyKeys;
    /** All messages of a conversation above a position. */
    messagesAbove: (id: ConversationId, position: Position) => readonly Message[];
  }) {
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#limits = deps.limits;
    this.#conversations = deps.conversations;
    this.#events = deps.events;
    this.#keys = deps.keys;
    this.#messagesAbove = deps.messagesAbove;
  }

  create(request: CreateGroupRequest): Promise<CreateGroupResult> {
    const { created, participants, name, creatorId, idempotencyKey } = request;
    const own = created as string as ConversationId;
    const id =
      idempotencyKey === null
        ? own
        : this.#keys.claim(creatorId, idempotencyKey, groupRequestBody(request), own);
    if (id === null) return Promise.resolve({ outcome: 'key_reused' });
    if (this.#groups.has(id)) return Promise.resolve({ outcome: id === own ? 'created' : 'repeated', id });
    const membership = { joined: created, left: null, nameAtLeaving: null };
    const members = new Map(participants.map((userId) => [userId, { userId, ...membership }]));
    this.#groups.set(id, { id, name, creatorId, created, changed: created, members });
    this.#conversations.showGroup(id, participants, membership);
    for (const eventId of this.#eventsOf(created)) {
      this.#events.add({ id: eventId, type: 'conversation.created', conversationId: id }, participants);
    }
    return Promise.resolve({ outcome: 'created', id });
  }

  find(id: ConversationId): Promise<Roster | null> {
    const group = this.#groups.get(id);
    if (group === undefined) return Promise.resolve(null);
    return Promise.resolve({ ...group, members: [...group.members.values()] });
  }

  findProfile(id: ConversationId): Promise<GroupProfile | null> {
    const { name, creatorId } = this.#groups.get(id) ?? {};
    return Promise.resolve(name === undefined || creatorId === undefined ? null : { name, creatorId });
  }

  findMembership(id: ConversationId, userId: UserId): Promise<OwnMembership | null> {
    const member = this.#groups.get(id)?.members.get(userId);
    return Promise.resolve(member === undefined ? null : ownMembershipOf(member));
  }

  listMembersAt(id: ConversationId, position: Position): Promise<Participants> {
    return Promise.resolve(this.membersAt(id, position));
  }

  /** The users whose membership covers `position`. */
  membersAt(id: ConversationId, position: Position): Participants {
    return membersAt(this.membershipsOf(id), position);
  }

  /** All users who have ever been members, each with the last membership. */
  membershipsOf(id: ConversationId): readonly Member[] {
    return [...(this.#groups.get(id)?.members.values() ?? [])];
  }

  join(id: ConversationId, userId: UserId, joined: EventId): Promise<MembershipOutcome> {
    const group = this.#groups.get(id);
    if (group === undefined) return Promise.resolve('never_a_member');
    if (group.members.get(userId)?.left === null) return Promise.resolve('unchanged');
    const others = currentOf(group);
    if (others.length >= MAX_GROUP_SIZE) return Promise.resolve('group_full');
    const membership = { joined, left: null, nameAtLeaving: null };
    this.#put(group, { userId, ...membership }, joined);
    this.#conversations.showGroup(id, [userId], membership);
    this.#report({ type: 'conversation.created', conversationId: id }, joined, [userId]);
    this.#report({ type: 'conversation.updated', conversationId: id }, joined, others);
    // A host whose clock is ahead may have sent some of these before.
    for (const message of this.#messagesAbove(id, joined)) {
      this.#conversations.receive(message, [userId], message.id);
    }
    return Promise.resolve('changed');
  }

  leave(id: ConversationId, userId: UserId, left: EventId): Promise<MembershipOutcome> {
    const group = this.#groups.get(id);
    const member = group?.members.get(userId);
    if (group === undefined || member === undefined) return Promise.resolve('never_a_member');
    if (member.left !== null) return Promise.resolve('unchanged');
    const former = { ...member, left, nameAtLeaving: group.name };
    this.#put(group, former, left);
    this.#conversations.leaveGroup(id, userId, ownMembershipOf(former));
    this.#report({ type: 'conversation.left', conversationId: id }, left, [userId]);
    const others = currentOf(group).filter((other) => other !== userId);
    this.#report({ type: 'conversation.updated', conversationId: id }, left, others);
    return Promise.resolve('changed');
  }

  rename(id: ConversationId, name: string, event: EventId): Promise<void> {
    const group = this.#groups.get(id);
    if (group === undefined) return Promise.resolve();
    this.#groups.set(id, { ...group, name });
    this.#report({ type: 'conversation.updated', conversationId: id }, event, currentOf(group));
    return Promise.resolve();
  }

  #put(group: Group, member: StoredMember, changed: EventId): void {
    const members = new Map(group.members).set(member.userId, Object.freeze(member));
    this.#groups.set(group.id, { ...group, members, changed });
  }

  #report(
    event: { readonly type: GroupEventType; readonly conversationId: ConversationId },
    id: EventId,
    users: readonly UserId[],
  ): void {
    for (const eventId of this.#eventsOf(id)) this.#events.add({ ...event, id: eventId }, users);
  }

  /** The event ids of a change: another one if it became visible late. */
  #eventsOf(id: EventId): readonly EventId[] {
    const late = isLate(this.#clock.latest() - microsecondsOf(id), this.#limits);
    return late ? [id, this.#messageIds.next()] : [id];
  }
}

function ownMembershipOf({ joined, left, nameAtLeaving }: StoredMember): OwnMembership {
  return { joined, left, nameAtLeaving };
}

function currentOf({ members }: Group): UserId[] {
  return [...members.values()].flatMap(({ userId, left }) => (left === null ? [userId] : []));
}
