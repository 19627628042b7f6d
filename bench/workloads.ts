import { conversationIdOf } from '../src/adapters/system/conversation-ids.ts';
import { participantsOf, type Participants } from '../src/domain/conversation.ts';
import type { ConversationId, UserId } from '../src/domain/ids.ts';
import type { LoadRequest } from './load.ts';

/** Two users and their conversation. */
export interface Pair {
  readonly one: UserId;
  readonly other: UserId;
  readonly participants: Participants;
  readonly conversationId: ConversationId;
}

export function pairOf(one: string, other: string): Pair {
  const participants = participantsOf(one as UserId, other as UserId);
  return {
    one: one as UserId,
    other: other as UserId,
    participants,
    conversationId: conversationIdOf(participants),
  };
}

/** The content of each message: 100 characters. */
export const CONTENT =
  'The ferry leaves at ten past nine, so let us meet at the harbour at a quarter to nine. Is that okay?';

/** A thousand sends, each between two other users. */
export const SENDS: readonly LoadRequest[] = Array.from({ length: 1_000 }, (_, index) =>
  sendRequest(pairOf(`sender-${index}`, `receiver-${index}`)),
);

/** A request that sends a message in `pair`. */
export function sendRequest({ one, other }: Pair): LoadRequest {
  return {
    method: 'POST',
    path: '/api/messages',
    body: { sender_id: one, receiver_id: other, content: CONTENT },
  };
}

/** A request for a page of a conversation's history; the newest page without a cursor. */
export function historyRequest({ conversationId }: Pair, cursor?: string): LoadRequest {
  return {
    method: 'GET',
    path: `/api/messages/conversation/${conversationId}${cursor === undefined ? '' : `?cursor=${cursor}`}`,
  };
}

/** A request for a page of a user's inbox; the first page without a cursor. */
export function inboxRequest(owner: UserId, cursor?: string, limit = 20): LoadRequest {
  const from = cursor === undefined ? '' : `&cursor=${cursor}`;
  return { method: 'GET', path: `/api/conversations/user/${owner}?limit=${limit}${from}` };
}
