import type { GroupProfile, Participants } from '../../domain/conversation.ts';
import type { OwnMembership, Roster } from '../../domain/group.ts';
import type { ConversationId, EventId, IdempotencyKey, Position, UserId } from '../../domain/ids.ts';

/** A group to be created. */
export interface CreateGroupRequest extends GroupProfile {
  /** The event of its creation; its text is the id of the group. */
  readonly created: EventId;
  /** 3–256 distinct users, the creator among them. */
  readonly participants: Participants;
  /** The creator's key for this request, or null. It shares its name space with the creator's sends. */
  readonly idempotencyKey: IdempotencyKey | null;
}

/** The outcome of `create`. */
export type CreateGroupResult =
  | { readonly outcome: 'created' | 'repeated'; readonly id: ConversationId }
  /** The key was used before with another body: nothing was stored. */
  | { readonly outcome: 'key_reused' };

/** The outcome of `join` and `leave`. `unchanged`: the user was a member already, or had left already. */
export type MembershipOutcome = 'changed' | 'unchanged' | 'group_full' | 'never_a_member';

/**
 * The groups and their members. All changes of one group are in one order, whatever the number of processes: its size
 * never exceeds `MAX_GROUP_SIZE`, and of several changes of one user each finds the result of the one before.
 *
 * When `create`, `join` or `leave` resolves, its events are in the logs of all members: for a user who joins
 * `conversation.created`, for one who leaves `conversation.left`, for all others `conversation.updated`. All reject like
 * `append`; repeating the same request completes it.
 */
export interface GroupRepository {
  /**
   * Creates a group and puts it into the inbox of each member. If a key is given, the first request under (creator, key)
   * within the retention of keys decides the id for all others.
   */
  create(request: CreateGroupRequest): Promise<CreateGroupResult>;

  /** The group, with its members and at least the 64 users who left last; null if it does not exist. */
  find(id: ConversationId): Promise<Roster | null>;

  /** The name and the creator of a group; null if it does not exist. */
  findProfile(id: ConversationId): Promise<GroupProfile | null>;

  /**
   * The latest membership of a user; null if the user has never joined. It is first looked up in the user's own inbox, so
   * that latency does not reveal whether a group of other users exists.
   */
  findMembership(id: ConversationId, userId: UserId): Promise<OwnMembership | null>;

  /** The users whose membership covers `position`. */
  listMembersAt(id: ConversationId, position: Position): Promise<Participants>;

  /**
   * Adds a member from the event `joined` on. When it resolves, every message above `joined` that was acknowledged or is
   * acknowledged later is in the inbox and the log of the new member (see `MessageRepository.append`). If the join takes
   * longer than an event may take to become visible, the membership begins with a later event.
   */
  join(id: ConversationId, userId: UserId, joined: EventId): Promise<MembershipOutcome>;

  /** Ends a membership with the event `left`. The inbox of the user keeps the group, at most at the position of `left`. */
  leave(id: ConversationId, userId: UserId, left: EventId): Promise<MembershipOutcome>;

  /** Names the group, and adds `event` to the logs of its members. The group must exist. */
  rename(id: ConversationId, name: string, event: EventId): Promise<void>;
}
