import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { Participants } from '../../src/domain/conversation.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import type { SentMessage } from '../../src/domain/message.ts';
import { messageIdAt } from '../../src/domain/time.ts';

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
  'It says here that the ferry leaves at ten past nine, so let us meet on the quay at a quarter to. Ok?';

/** A message of `pair` at `milliseconds` of the generator's clock; `nth` distinguishes messages with the same time. */
export function messageAt(pair: Pair, milliseconds: number, nth = 0): SentMessage {
  const { one, other, conversationId } = pair;
  return {
    id: idAt(milliseconds, nth),
    conversationId,
    senderId: one,
    receiverId: other,
    content: CONTENT,
    editId: null,
    deletionId: null,
  };
}

export function idAt(milliseconds: number, nth = 0): MessageId {
  return messageIdAt(
    Math.floor(milliseconds) * 1000 + (nth % 1000),
    Math.floor(nth / 1000) % 1000,
    '0'.repeat(13),
  );
}
