import type { GetConversation } from './get-conversation.ts';
import type { GetUser } from './get-user.ts';
import type { ListConversations } from './list-conversations.ts';
import type { ListEvents } from './list-events.ts';
import type { ListMessagesBefore } from './list-messages-before.ts';
import type { SaveUser } from './save-user.ts';
import type { SendMessage } from './send-message.ts';
import type { StartConversation } from './start-conversation.ts';

/** Everything that the outside may ask of the messenger. Each may also reject with a `StorageFailure`. */
export interface UseCases {
  readonly sendMessage: SendMessage;
  readonly listMessagesBefore: ListMessagesBefore;
  readonly listConversations: ListConversations;
  readonly listEvents: ListEvents;
  readonly getConversation: GetConversation;
  readonly startConversation: StartConversation;
  readonly saveUser: SaveUser;
  readonly getUser: GetUser;
}

/** What each use case does to storage: whether one that was given up may have left something behind. */
export const EFFECTS: Readonly<Record<keyof UseCases, 'reads' | 'writes'>> = {
  sendMessage: 'writes',
  listMessagesBefore: 'reads',
  listConversations: 'reads',
  listEvents: 'reads',
  getConversation: 'reads',
  startConversation: 'writes',
  saveUser: 'writes',
  getUser: 'reads',
};

/**
 * The use cases that need a verified clock: all that write, since order is by id, and those whose answer depends on what time
 * it is.
 */
export const NEEDS_CLOCK: Readonly<Record<keyof UseCases, boolean>> = {
  sendMessage: true,
  listMessagesBefore: false,
  listConversations: false,
  listEvents: true,
  getConversation: false,
  startConversation: true,
  saveUser: true,
  getUser: false,
};
