import { canActAs, type Caller } from '../domain/caller.ts';
import { participantsOf } from '../domain/conversation.ts';
import type { UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import { makeGetConversation, type ConversationSummary } from './get-conversation.ts';
import type { ConversationIdOf } from './ports/conversation-ids.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { StorageFailure } from './ports/storage-failure.ts';

export interface StartConversationCommand {
  readonly caller: Caller;
  /** The same user twice starts a conversation with oneself. */
  readonly participantIds: readonly [UserId, UserId];
}

export interface StartConversationResult extends ConversationSummary {
  /** Whether this command started it; may be true for more than one of several concurrent commands. */
  readonly started: boolean;
}

/**
 * Starts the only conversation of two users and puts it into their inboxes; if it exists already, returns it.
 * Idempotent. Refuses with `participants_are_others`.
 */
export type StartConversation = (command: StartConversationCommand) => Promise<StartConversationResult>;

export function makeStartConversation(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
  conversationIdOf: ConversationIdOf;
}): StartConversation {
  const getConversation = makeGetConversation(deps);
  return async ({ caller, participantIds }) => {
    if (!participantIds.some((participant) => canActAs(caller, participant))) {
      throw new Refusal('participants_are_others', 'A user may only start their own conversations.');
    }
    const participants = participantsOf(...participantIds);
    const id = deps.conversationIdOf(participants);
    const found = await deps.conversations.find(id);
    // An existing conversation is started again with its original time: this completes a start that was only partly stored.
    const conversation = found ?? { id, participants, created: deps.messageIds.next() };
    await deps.conversations.start(conversation, { isLive: true });
    // Read again, since a concurrent start may have been the earlier one.
    const summary = await getConversation({ caller, conversationId: id }).catch(afterWrite);
    return { ...summary, started: found === null };
  };
}

/** A read that fails after the write has an unknown outcome: the write is stored. */
export function afterWrite(error: unknown): never {
  if (error instanceof StorageFailure) throw new StorageFailure('outcome_unknown', { cause: error });
  throw error;
}
