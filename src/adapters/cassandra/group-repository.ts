import { types } from 'cassandra-driver';
import { ClockNotVerified } from '../../application/ports/clock-check.ts';
import type { Clock } from '../../application/ports/clock.ts';
import type {
  CreateGroupRequest,
  CreateGroupResult,
  GroupRepository,
  MembershipOutcome,
} from '../../application/ports/group-repository.ts';
import type { Hints } from '../../application/ports/hints.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { GroupProfile, Participants } from '../../domain/conversation.ts';
import { isLate, type GroupEventType, type LatenessLimits } from '../../domain/event.ts';
import {
  groupRequestBody,
  MAX_GROUP_SIZE,
  membersAt,
  participantsIn,
  type Member,
  type Membership,
  type OwnMembership,
  type Roster,
} from '../../domain/group.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { BackgroundRetry } from './background-retry.ts';
import type { EventLogState } from './event-log-state.ts';
import { eventRow } from './event-repository.ts';
import { HistoryReader } from './history.ts';
import { claimKey } from './idempotency-keys.ts';
import { findOwnMembership, groupRow, membershipRow, NIL } from './inbox.ts';
import { inboxAndEventRows } from './message-repository.ts';
import { findLateEvents } from './late-events.ts';
import { prepared } from './prepared-statements.ts';
import type { RepositoryDependencies } from './repository-dependencies.ts';
import type { Row, Session, Statement, Writes } from './session.ts';

const GROUP = prepared(`
  SELECT creator_id, created, name, members, former_until, changed, version FROM groups
  WHERE conversation_id = ?`);

const PROFILE = prepared(`
  SELECT name, creator_id FROM groups WHERE conversation_id = ?`);

const CREATE = prepared(`
  INSERT INTO groups (conversation_id, creator_id, created, name, members, former_until, changed, version)
  VALUES (?, ?, ?, ?, ?, ?, ?, 1) IF NOT EXISTS`);

const CHANGE = prepared(`
  UPDATE groups SET members = ?, name = ?, former_until = ?, changed = ?, version = ? WHERE conversation_id = ?
  IF version = ?`);

const PUT_FORMER_MEMBER = prepared(`
  INSERT INTO former_members (conversation_id, user_id, membership) VALUES (?, ?, ?) USING TIMESTAMP ?`);

const FORMER_MEMBERS = prepared(`
  SELECT user_id, membership FROM former_members WHERE conversation_id = ? AND user_id > ? LIMIT ?`);

const FORMER_MEMBER = prepared(`
  SELECT user_id, membership FROM former_members WHERE conversation_id = ? AND user_id = ?`);

/** The users who left last are kept with the members, so that a send that is in progress when they leave finds them. */
const RECENT_FORMER_MEMBERS = 64;

const FORMER_MEMBERS_PER_QUERY = 1_000;

/** The number of messages per query when a new member gets the messages above the event of joining. */
const MESSAGES_PER_QUERY = 32;

/** The maximum number of attempts of a change. An attempt fails if another change of the group wins. */
const MAX_ATTEMPTS = 300;

/** A group as its row has it. */
export interface StoredGroup extends Roster {
  /** The users who left up to this event are in `former_members`, except for those who joined again. */
  readonly formerUntil: EventId;
  readonly version: number;
}

/** The group in its row; null if it does not exist. */
export async function findGroup(
  { read }: Pick<Writes, 'read'>,
  id: ConversationId,
): Promise<StoredGroup | null> {
  const [row] = await read(GROUP, [id]);
  return row === undefined ? null : groupOf(id, row);
}

/** The users whose membership covers `position`, see `findMembershipsAt`. */
export async function findMembersAt(
  reader: Pick<Writes, 'read'>,
  id: ConversationId,
  position: Position,
): Promise<Participants> {
  return membersAt(await findMembershipsAt(reader, id, position), position);
}

/**
 * The memberships that may cover `position`. It reads one row; if `position` is older than the departure of all but the
 * last 64 who left, it reads the other former members, too.
 */
export async function findMembershipsAt(
  reader: Pick<Writes, 'read'>,
  id: ConversationId,
  position: Position,
): Promise<readonly Member[]> {
  const group = await findGroup(reader, id);
  if (group === null) return [];
  return position >= group.formerUntil ? group.members : findAllMembers(reader, group);
}

/** All users who have ever been members of a group, each with the last membership. */
export async function findAllMembers(
  reader: Pick<Writes, 'read'>,
  { id, members }: Pick<StoredGroup, 'id' | 'members'>,
): Promise<readonly Member[]> {
  const known = new Set(members.map(({ userId }) => userId));
  const former: Member[] = [];
  for (let after = ''; ;) {
    const rows = await reader.read(FORMER_MEMBERS, [id, after, FORMER_MEMBERS_PER_QUERY]);
    former.push(...rows.map(formerMemberOf).filter(({ userId }) => !known.has(userId)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < FORMER_MEMBERS_PER_QUERY) break;
    after = last['user_id'] as string;
  }
  return [...members, ...former];
}

/** The last membership of a user in the group; null if there never was one. */
export async function findMember(
  { read }: Pick<Writes, 'read'>,
  { id, members }: StoredGroup,
  userId: UserId,
): Promise<Member | null> {
  const known = members.find((member) => member.userId === userId);
  if (known !== undefined) return known;
  const [former] = await read(FORMER_MEMBER, [id, userId]);
  return former === undefined ? null : formerMemberOf(former);
}

/** Whether `one` is missing, or is an older membership of the same user than `other`. */
export function isOlder(one: Membership | null, other: Membership): boolean {
  return one === null || lastEventOf(one) < lastEventOf(other);
}

/**
 * Stores the membership `own` of a user's inbox in a group that has an older one. The service writes the group first, so this
 * is the case only after a restore of `groups` or `former_members`. Idempotent.
 */
export async function restoreMembership(
  writes: Writes,
  id: ConversationId,
  userId: UserId,
  own: Membership,
): Promise<void> {
  const { joined, left } = own;
  await untilDone(async () => {
    const group = await findGroup(writes, id);
    if (group === null || !isOlder(await findMember(writes, group, userId), own)) return 'done';
    const others = group.members.filter((member) => member.userId !== userId);
    const isFormer = left !== null && left <= group.formerUntil;
    if (isFormer) await putFormerMember(writes, id, { userId, joined, left });
    if (isFormer && others.length === group.members.length) return 'done';
    const members = isFormer ? others : [...others, { userId, joined, left }];
    const last = lastEventOf(own);
    const changed = last > group.changed ? last : group.changed;
    return (await changeRow(writes, group, { members, changed })) ? 'done' : 'again';
  });
}

function putFormerMember(
  writes: Writes,
  id: ConversationId,
  { userId, joined, left }: { readonly userId: UserId; readonly joined: EventId; readonly left: EventId },
): Promise<void> {
  return writes.run(PUT_FORMER_MEMBER, [id, userId, new types.Tuple(joined, left), microsecondsOf(left)]);
}

/** Changes the row of a group; false if it has changed since `group` was read. */
async function changeRow(
  writes: Writes,
  group: StoredGroup,
  changes: Partial<Pick<StoredGroup, 'members' | 'name' | 'formerUntil' | 'changed'>>,
): Promise<boolean> {
  const { id, version, members, name, formerUntil, changed } = { ...group, ...changes };
  const row = await writes.compareAndSet(CHANGE, [
    cellOf(members),
    name ?? '',
    formerUntil,
    changed,
    version + 1,
    id,
    version,
  ]);
  return row['[applied]'] === true;
}

function lastEventOf({ joined, left }: Membership): EventId {
  return left ?? joined;
}

/**
 * Stores groups in Cassandra.
 *
 * Every change is first a transaction on the row of the group, and then writes to the inboxes and logs. The last of these is
 * the membership in the inbox of the user who joins or leaves. So a repeat that finds the change in the row of the group,
 * but not yet in that inbox, writes everything again.
 *
 * How a join and a send complete each other is described at `MessageRepository.append`. A join goes in this order: the
 * transaction; the messages above the event of joining, into the inbox and the log of the new member; the events of the
 * others; the new member's own event with the membership.
 */
export class CassandraGroupRepository implements GroupRepository {
  readonly #session: Session;
  readonly #clock: Pick<Clock, 'latest'>;
  readonly #messageIds: MessageIds;
  readonly #retry: BackgroundRetry;
  readonly #history: HistoryReader;
  readonly #limits: LatenessLimits;
  readonly #hints: Pick<Hints, 'publish'>;
  readonly #eventLog: Pick<EventLogState, 'daysToKeep'>;
  readonly #keyRetentionDays: number;

  constructor(deps: RepositoryDependencies) {
    this.#session = deps.session;
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#retry = deps.retry;
    this.#history = new HistoryReader(deps);
    this.#limits = deps.limits;
    this.#hints = deps.hints;
    this.#eventLog = deps.eventLog;
    this.#keyRetentionDays = deps.keyRetentionDays;
  }

  async create(request: CreateGroupRequest): Promise<CreateGroupResult> {
    const { creatorId, idempotencyKey: key, participants } = request;
    const writes = this.#session.writes();
    let { created } = request;
    if (key !== null) {
      const claim = await claimKey(
        {
          userId: creatorId,
          key,
          id: created,
          conversationId: groupIdOf(created),
          body: groupRequestBody(request),
          retentionDays: this.#keyRetentionDays,
        },
        writes,
      );
      if (claim === 'key_reused') return { outcome: 'key_reused' };
      created = claim.id;
      // A message of another member may have made a row in this inbox, without a membership.
      const own = claim.isNew ? null : await findOwnMembership(writes, creatorId, groupIdOf(created));
      const isComplete = (own?.membership ?? null) !== null;
      if (isComplete) return { outcome: 'repeated', id: groupIdOf(created) };
    }
    const accepted = { ...request, created };
    const retry = async (): Promise<void> => {
      await this.#create(accepted, this.#session.writes());
      this.#hints.publish(participants);
    };
    const id = groupIdOf(created);
    await this.#retry.watch(this.#create(accepted, writes), retry, { id: created, conversationId: id });
    return { outcome: created === request.created ? 'created' : 'repeated', id };
  }

  async find(id: ConversationId): Promise<Roster | null> {
    const group = await findGroup(this.#session, id);
    if (group === null) return null;
    const { created, name, creatorId, changed, members } = group;
    return { id, created, name, creatorId, changed, members };
  }

  async findProfile(id: ConversationId): Promise<GroupProfile | null> {
    const [row] = await this.#session.read(PROFILE, [id]);
    return row === undefined ? null : { name: nameIn(row), creatorId: row['creator_id'] as UserId };
  }

  /**
   * The membership in the user's own inbox, if it has not ended. Otherwise the row of the group is read as well, since the
   * user may have joined again a moment ago.
   */
  async findMembership(id: ConversationId, userId: UserId): Promise<OwnMembership | null> {
    const row = await findOwnMembership(this.#session, userId, id);
    if (row === null || (row.membership !== null && row.membership.left === null)) {
      return row?.membership ?? null;
    }
    const member = (await findGroup(this.#session, id))?.members.find((one) => one.userId === userId);
    // A membership that began before the end in the inbox is an old state, as after a restore of the row of the group.
    const isLater = member !== undefined && member.joined > (row.membership?.left ?? NIL);
    if (!isLater || member.left !== null) return row.membership;
    return { joined: member.joined, left: null, nameAtLeaving: null };
  }

  listMembersAt(id: ConversationId, position: Position): Promise<Participants> {
    return findMembersAt(this.#session, id, position);
  }

  join(id: ConversationId, userId: UserId, joined: EventId): Promise<MembershipOutcome> {
    return this.#retried(id, userId, joined, (mode, writes) => this.#join(id, userId, joined, mode, writes));
  }

  leave(id: ConversationId, userId: UserId, left: EventId): Promise<MembershipOutcome> {
    return this.#retried(id, userId, left, (mode, writes) => this.#leave(id, userId, left, mode, writes));
  }

  async rename(id: ConversationId, name: string, event: EventId): Promise<void> {
    const writes = this.#session.writes();
    await untilDone(async () => {
      const group = await findGroup(writes, id);
      if (group === null) return 'done';
      if (!(await changeRow(writes, group, { name }))) return 'again';
      await this.#report(event, (eventId) =>
        this.#write(
          participantsIn(group),
          (userId) => [this.#event('conversation.updated', id, eventId, userId)],
          writes,
        ),
      );
      return 'done';
    });
  }

  /**
   * Makes a change. After a failure with an unknown outcome, it is completed in the background only if it is in the row of
   * the group. Otherwise it must not be made later, because the client may have made the opposite change meanwhile.
   */
  #retried(
    id: ConversationId,
    userId: UserId,
    event: EventId,
    change: (mode: 'change' | 'complete', writes: Writes) => Promise<MembershipOutcome>,
  ): Promise<MembershipOutcome> {
    const retry = async (): Promise<void> => {
      await change('complete', this.#session.writes());
      const group = await findGroup(this.#session, id);
      this.#hints.publish(group === null ? [userId] : [...participantsIn(group), userId]);
    };
    return this.#retry.watch(change('change', this.#session.writes()), retry, {
      id: event,
      conversationId: id,
    });
  }

  /** Writes the row of the group first and the creator's inbox last: a repeat reads that inbox to check that all is written. */
  async #create(request: CreateGroupRequest, writes: Writes): Promise<void> {
    const { created, creatorId, participants, name } = request;
    const id = groupIdOf(created);
    const members = cellOf(participants.map((userId) => ({ userId, joined: created, left: null })));
    await writes.compareAndSet(CREATE, [id, creatorId, created, name ?? '', members, NIL, created]);
    const others = participants.filter((userId) => userId !== creatorId);
    await this.#report(created, async (eventId) => {
      const rows = (userId: UserId): Statement[] =>
        joinRows(id, userId, created, eventId, this.#eventLog.daysToKeep);
      await this.#write(others, rows, writes);
      await this.#write([creatorId], rows, writes);
    });
  }

  async #join(
    id: ConversationId,
    userId: UserId,
    wanted: EventId,
    mode: 'change' | 'complete',
    writes: Writes,
  ): Promise<MembershipOutcome> {
    let event = wanted;
    return untilDone(async () => {
      const { own, group, known } = await this.#findBoth(id, userId, writes);
      if (group === null) return 'never_a_member';
      const isMember = known?.left === null;
      if (isMember) {
        if (own?.joined === known.joined) return known.joined === event ? 'changed' : 'unchanged';
      } else if (mode === 'complete') {
        return 'unchanged';
      }
      if (!isMember || this.#isLate(known.joined)) {
        if (!isMember && participantsIn(group).length >= MAX_GROUP_SIZE) return 'group_full';
        event = this.#nextEvent(group, event);
        const members = [
          ...group.members.filter((member) => member.userId !== userId),
          { userId, joined: event, left: null },
        ];
        await changeRow(writes, group, { members, changed: event });
        return 'again';
      }
      const { joined } = known;
      await this.#showMessagesAbove(id, userId, joined, writes);
      const others = membersAt(group.members, joined).filter((other) => other !== userId);
      if (this.#isLate(joined)) return 'again';
      await this.#report(joined, async (eventId) => {
        await this.#write(
          others,
          (other) => [this.#event('conversation.updated', id, eventId, other)],
          writes,
        );
        await this.#write(
          [userId],
          () => joinRows(id, userId, joined, eventId, this.#eventLog.daysToKeep),
          writes,
        );
      });
      return 'changed';
    });
  }

  async #leave(
    id: ConversationId,
    userId: UserId,
    wanted: EventId,
    mode: 'change' | 'complete',
    writes: Writes,
  ): Promise<MembershipOutcome> {
    let event = wanted;
    let before = null as StoredGroup | null;
    return untilDone(async () => {
      const { own, group, known } = await this.#findBoth(id, userId, writes);
      if (group === null || known === null) return 'never_a_member';
      if (known.left === null) {
        if (mode === 'complete') return 'unchanged';
        event = this.#nextEvent(group, event);
        before = group;
        await this.#removeMember(group, known, event, writes);
        return 'again';
      }
      if (own?.left === known.left) return known.left === event ? 'changed' : 'unchanged';
      const { joined, left } = known;
      // By now the group may have another name. A completion of another attempt does not know the earlier one.
      const nameAtLeaving = before !== null && left === event ? before.name : group.name;
      const membership = { joined, left, nameAtLeaving };
      await this.#report(left, async (eventId) => {
        const updated = (other: UserId) => [this.#event('conversation.updated', id, eventId, other)];
        await this.#write(participantsIn(group), updated, writes);
        const rows = leaveRows(id, userId, membership, eventId, this.#eventLog.daysToKeep);
        await this.#write([userId], () => rows, writes);
      });
      return 'changed';
    });
  }

  /**
   * The membership of a user in the user's own inbox and in the group. An older one in the group is replaced, see
   * `restoreMembership`.
   */
  async #findBoth(id: ConversationId, userId: UserId, writes: Writes) {
    const own = (await findOwnMembership(writes, userId, id))?.membership ?? null;
    for (;;) {
      const group = await findGroup(writes, id);
      const known = group === null ? null : await findMember(writes, group, userId);
      if (group === null || own === null || !isOlder(known, own)) return { own, group, known };
      await restoreMembership(writes, id, userId, own);
    }
  }

  /** Ends a membership in the row of the group; the users who left before the last 64 go to `former_members` first. */
  async #removeMember(group: StoredGroup, member: Member, left: EventId, writes: Writes): Promise<void> {
    const members = group.members.map((one) => (one === member ? { ...one, left } : one));
    const allFormer = members.flatMap((one) => (one.left === null ? [] : [{ ...one, left: one.left }]));
    const former = allFormer.sort((a, b) => (a.left > b.left ? -1 : 1)).slice(RECENT_FORMER_MEMBERS);
    await writes.all(former.map((one) => putFormerMember(writes, group.id, one)));
    const isFormer = new Set(former.map(({ userId }) => userId));
    await changeRow(writes, group, {
      members: members.filter(({ userId }) => !isFormer.has(userId)),
      formerUntil: former[0]?.left ?? group.formerUntil,
      changed: left,
    });
  }

  /**
   * Shows a new member the messages above the event of joining, each in its current state and under its last event. It must
   * run after the membership is in the row of the group. It reads a late event after its message; a send that completes late
   * reads the members after the agreement on its event.
   */
  async #showMessagesAbove(
    id: ConversationId,
    userId: UserId,
    joined: EventId,
    writes: Writes,
  ): Promise<void> {
    for (let before: MessageId | null = null; ;) {
      const page: readonly Message[] = await this.#history
        .read(id, { before, offset: 0, limit: MESSAGES_PER_QUERY })
        .catch(afterWrite);
      const messages = page.filter((message) => message.id > joined);
      const messageIds = messages.map((message) => message.id);
      const lateEvents = await findLateEvents(writes, id, messageIds);
      await writes.batches(
        messages.map((message) => {
          const eventId = lateEvents.get(message.id) ?? message.id;
          return inboxAndEventRows(message, [], eventId, userId, this.#eventLog.daysToKeep);
        }),
      );
      const last = messages.at(-1);
      if (last === undefined || messages.length < MESSAGES_PER_QUERY) return;
      before = last.id;
    }
  }

  /**
   * An event after the last change of the group that is not late yet: `event`, or else a new one. Throws a
   * `ClockNotVerified` if the clock is behind the last change by more than the allowed skew: with an earlier event the
   * change would be lost.
   */
  #nextEvent({ changed }: StoredGroup, event: EventId): EventId {
    if (event > changed && !this.#isLate(event)) return event;
    this.#messageIds.observe(changed);
    const next = this.#messageIds.next();
    if (next < changed) throw new ClockNotVerified();
    return next;
  }

  /** Writes the rows of a change with its event, and again with another event if the first one became visible late. */
  async #report(event: EventId, write: (eventId: EventId) => Promise<void>): Promise<void> {
    await write(event);
    if (!this.#isLate(event)) return;
    const again = this.#messageIds.next();
    await write(again);
    if (this.#isLate(again)) {
      throw new StorageFailure('outcome_unknown', { cause: new Error('the event became visible late') });
    }
  }

  #event(type: GroupEventType, conversationId: ConversationId, id: EventId, userId: UserId): Statement {
    return eventRow({ id, type, conversationId }, userId, this.#eventLog.daysToKeep);
  }

  #write(users: Participants, rows: (userId: UserId) => Statement[], writes: Writes): Promise<void> {
    return writes.batches(users.map(rows));
  }

  #isLate(event: EventId): boolean {
    return isLate(this.#clock.latest() - microsecondsOf(event), this.#limits);
  }
}

/** The writes that show a group to a user who joins it, with the event `eventId`: one mutation. */
export function joinRows(
  conversationId: ConversationId,
  userId: UserId,
  joined: EventId,
  eventId: EventId,
  eventRetentionDays: number,
): Statement[] {
  const event = { id: eventId, type: 'conversation.created', conversationId } as const;
  return [groupRow(conversationId, userId, joined), eventRow(event, userId, eventRetentionDays)];
}

/** The writes that end a membership in the inbox of its user, with the event `eventId`: one mutation. */
export function leaveRows(
  conversationId: ConversationId,
  userId: UserId,
  membership: OwnMembership,
  eventId: EventId,
  eventRetentionDays: number,
): Statement[] {
  const event = { id: eventId, type: 'conversation.left', conversationId } as const;
  return [membershipRow(conversationId, userId, membership), eventRow(event, userId, eventRetentionDays)];
}

/** The id of a group is that of its creation. */
export function groupIdOf(created: EventId): ConversationId {
  return created as string as ConversationId;
}

/** The group in a row with all columns but its id. */
export function groupOf(id: ConversationId, row: Row): StoredGroup {
  const members = row['members'] as readonly types.Tuple[];
  return {
    id,
    name: nameIn(row),
    creatorId: row['creator_id'] as UserId,
    created: String(row['created']) as EventId,
    changed: String(row['changed']) as EventId,
    members: members.map((tuple) => ({
      userId: tuple.get(0) as UserId,
      joined: String(tuple.get(1)) as EventId,
      left: eventOrNull(tuple.get(2)),
    })),
    formerUntil: String(row['former_until']) as EventId,
    version: row['version'] as number,
  };
}

function formerMemberOf(row: Row): Member {
  const membership = row['membership'] as types.Tuple;
  return {
    userId: row['user_id'] as UserId,
    joined: String(membership.get(0)) as EventId,
    left: eventOrNull(membership.get(1)),
  };
}

function cellOf(members: readonly Member[]): types.Tuple[] {
  return members.map(({ userId, joined, left }) => new types.Tuple(userId, joined, left ?? NIL));
}

function eventOrNull(value: unknown): EventId | null {
  const text = String(value);
  return text === NIL ? null : (text as EventId);
}

function nameIn(row: Row): string | null {
  const name = row['name'] as string;
  return name === '' ? null : name;
}

/**
 * Repeats `attempt` until its result is not `again`. A transaction on the row of the group may fail because of another one,
 * or may be applied although it seems to fail. So each attempt reads the group. Rejects with an unknown outcome after
 * `MAX_ATTEMPTS`.
 */
async function untilDone<Result extends string>(attempt: () => Promise<Result | 'again'>): Promise<Result> {
  for (let count = 1; count <= MAX_ATTEMPTS; count += 1) {
    const result = await attempt();
    if (result !== 'again') return result;
  }
  throw new StorageFailure('outcome_unknown', { cause: new Error('the group changes too often') });
}

/** A read that fails after a write has an unknown outcome. */
function afterWrite(error: unknown): never {
  if (error instanceof StorageFailure) throw new StorageFailure('outcome_unknown', { cause: error });
  throw error;
}
