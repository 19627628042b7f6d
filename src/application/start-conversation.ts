import { canActAs, type Caller } from '../domain/caller.ts';
import { participantsOf } from '../domain/conversation.ts';
import type { UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import { makeGetConversation, type ConversationSummary } from './get-conversation.ts';
import type { ConversationIdOf } from './ports/conversation-ids.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { StorageFailure } from './ports/storage-failure.ts';

export interface StartConversationCommand {
  readonly caller: Caller;
  /** The same user twice starts a note to oneself. */
  readonly participantIds: readonly [UserId, UserId];
}

export interface StartConversationResult extends ConversationSummary {
  /** Whether it began with this command; of several in the same instant more than one may say so. */
  readonly started: boolean;
}

/**
 * Starts the one conversation that two users have, and puts it into their inboxes; where it is there already,
 * shows it. Idempotent. Refuses with `participants_are_others`.
 */
export type StartConversation = (command: StartConversationCommand) => Promise<StartConversationResult>;

export function makeStartConversation(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
  conversationIdOf: ConversationIdOf;
}): StartConversation {
  const getConversation = makeGetConversation(deps);
  return async ({ caller, participantIds }) => {
    if (!participantIds.some((participant) => canActAs(caller, participant))) {
      throw new Refusal('participants_are_others', 'A user starts no conversation but their own.');
    }
    const participants = participantsOf(...participantIds);
    const id = deps.conversationIdOf(participants);
    const found = await deps.conversations.find(id);
    // An existing conversation is started again with its own time, which completes a start that failed half-way.
    const conversation = found ?? { id, participants, created: deps.messageIds.next() };
    await deps.conversations.start(conversation, { isLive: true });
    // Read again, since a start in the same instant may have been the earlier one.
    const summary = await getConversation({ caller, conversationId: id }).catch(afterWrite);
    return { ...summary, started: found === null };
  };
}

/** A read that failed after a write was stored does not mean that nothing was. */
function afterWrite(error: unknown): never {
  if (error instanceof StorageFailure) throw new StorageFailure('outcome_unknown', { cause: error });
  throw error;
}
