import type { Participants } from '../../domain/conversation.ts';
import type { ConversationId } from '../../domain/ids.ts';

/** The id of the one conversation that `participants` have: the same everywhere and always, and no one else's. */
export type ConversationIdOf = (participants: Participants) => ConversationId;
