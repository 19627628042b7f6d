import type { Participants } from '../../domain/conversation.ts';
import type { ConversationId, EventId, IdempotencyKey, MessageId, UserId } from '../../domain/ids.ts';
import type { Message, SentMessage } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';

/** A message to be stored. */
export interface AppendRequest {
  readonly message: SentMessage;
  /**
   * The users whose inboxes and event logs get the message: the sender and the receiver. In a group: the members, read
   * before this call; `append` adds those whose membership covers the message by then.
   */
  readonly participants: Participants;
  /** The sender's key for this send, or null. */
  readonly idempotencyKey: IdempotencyKey | null;
  /**
   * Whether the participants get a late event when the message becomes visible late: true for a send, false for an old
   * message, such as an import, which only appears in history at its own time.
   */
  readonly isLive: boolean;
}

/** The outcome of `append`. */
export type AppendResult =
  /**
   * `repeated`: the key was used before with the same body, and `message` is the message of the first request, as it is
   * after its edits and its deletion.
   */
  | {
      readonly outcome: 'appended' | 'repeated';
      readonly message: Message;
      /** In a group: the users whose inboxes and event logs have the message. */
      readonly recipients?: readonly UserId[];
    }
  /** The key was used before with another body: nothing was stored. */
  | { readonly outcome: 'key_reused' };

/** A stored message to be changed. */
interface ChangeRequest {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  /** The participants of the conversation: the users whose inboxes and event logs get the change. */
  readonly participants: Participants;
}

/** A new content for a message. */
export interface EditRequest extends ChangeRequest {
  /** A new id: the id of the edit, and of its event unless the event becomes visible late (`isLate`). */
  readonly editId: EventId;
  /** Valid content, see `requireContent`. */
  readonly content: string;
}

/** The deletion of a message. */
export interface DeleteRequest extends ChangeRequest {
  /** A new id: the id of the deletion, and of its event unless the event becomes visible late (`isLate`). */
  readonly deletionId: EventId;
}

/** The maximum number of messages per lookup: at most 2.6 MB. */
export const MAX_LOOKUPS = 32;

/** The messages of all conversations, newest first within each. */
export interface MessageRepository {
  /**
   * Stores a message, its conversation and, for each participant, its inbox entry and its event in the event log.
   *
   * When it resolves, all of that is stored durably and visible to every later read. Idempotent: an id is stored once,
   * regardless of how often, by which process and in which order it is appended. If a key is given, the first request
   * under (sender, key) within the retention of keys decides the message's id for all others, even for concurrent ones. A
   * repeat of a message that is marked as delivered writes nothing.
   *
   * A live message that becomes visible late (`isLate`) gets exactly one late event, regardless of which process completes
   * it and how often: history shows the message at its own time, while inbox and event log treat it as new.
   *
   * In a group, the message is in the inbox and the log of every user whose membership covers it. `append` stores the
   * message and then reads the members; `GroupRepository.join` stores the member and then reads the messages above its
   * event. If the join is stored before the members are read, `append` finds the new member; otherwise the message was
   * stored before the join reads the messages, and the join finds it. So whichever comes second completes the other.
   *
   * Rejects with a `StorageFailure`. After `unavailable` nothing was stored; after `outcome_unknown` any part may be
   * stored, the message always before its inbox entries, and repeating the same request completes it.
   */
  append(request: AppendRequest): Promise<AppendResult>;

  /**
   * The slice of a conversation's messages, newest first: exactly those appended before the call and below
   * `before`, without gaps or repeats. Empty for a conversation that does not exist.
   */
  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]>;

  /**
   * The existing messages among `ids` of a conversation, in any order. Costs one lookup for each id; at most `MAX_LOOKUPS`
   * ids per call.
   */
  find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]>;

  /**
   * The stored message that was sent by `senderId` under `key` within the retention of keys; null if there is none, also
   * while its first send has only claimed the key.
   */
  findByKey(senderId: UserId, key: IdempotencyKey): Promise<Message | null>;

  /**
   * Replaces the content of a message. Of several edits the one with the largest id wins as a whole, in any order of
   * arrival; a deleted message stays deleted. Resolves with the message as it is now; null if it does not exist, and then
   * it is in no list.
   *
   * When it resolves, history and the inboxes that show the message show this edit or what replaced it, and each
   * participant's log has a `message.edited` event. No conversation moves. Reads a bounded number of rows. Idempotent.
   * Rejects like `append`; after `outcome_unknown` the change is completed in the background or by a repeat.
   */
  edit(request: EditRequest): Promise<Message | null>;

  /**
   * Deletes a message: readers see that it is deleted, but not its content. Its content and its edits are overwritten,
   * including those that arrive later. Of several deletions the earliest wins. Resolves with the deleted message; null if
   * it does not exist, and then it is in no list.
   *
   * When it resolves, no edit and no repeat of the send makes the content visible again, in history, inbox or event log,
   * and each participant's log has a `message.deleted` event. No conversation moves. A repeat of a complete deletion adds
   * no event. Reads a bounded number of rows. Rejects like `edit`.
   */
  delete(request: DeleteRequest): Promise<Message | null>;
}
