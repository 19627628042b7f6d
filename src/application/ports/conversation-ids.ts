import type { Participants } from '../../domain/conversation.ts';
import type { ConversationId } from '../../domain/ids.ts';

/** The id of the only conversation of `participants`: deterministic, and different for other participants. */
export type ConversationIdOf = (participants: Participants) => ConversationId;
