import { canActAs, type Caller } from '../domain/caller.ts';
import { participantsOf, type Participants } from '../domain/conversation.ts';
import type { IdempotencyKey, UserId } from '../domain/ids.ts';
import { composeMessage, type Message, type SentMessage } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationIdOf } from './ports/conversation-ids.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';

export interface SendMessageCommand {
  readonly caller: Caller;
  readonly senderId: UserId;
  /** Equal to `senderId` in a conversation with oneself. */
  readonly receiverId: UserId;
  readonly content: string;
  /** Makes the send safe to repeat: (sender, key) identifies one message, within the retention of keys. */
  readonly idempotencyKey: IdempotencyKey | null;
}

export interface SendMessageResult {
  readonly message: Message;
  /** Whether the key was used before; then `message` is the message of the first request. */
  readonly replayed: boolean;
}

/**
 * Sends a message from one user to another, in their only conversation.
 *
 * When it resolves, the message, its entry in both inboxes and its event in both logs are stored. Refuses with
 * `sender_is_another`, `content_blank`, `content_too_long`, `content_not_text` or `idempotency_key_reused` (the key was
 * used with another body).
 */
export type SendMessage = (command: SendMessageCommand) => Promise<SendMessageResult>;

export function makeSendMessage(deps: {
  messages: MessageRepository;
  messageIds: MessageIds;
  conversationIdOf: ConversationIdOf;
}): SendMessage {
  return async ({ caller, senderId, receiverId, content, idempotencyKey }) => {
    if (!canActAs(caller, senderId)) {
      throw new Refusal('sender_is_another', 'A user may only send messages under their own id.');
    }
    const participants = participantsOf(senderId, receiverId);
    const id = deps.messageIds.next();
    const conversationId = deps.conversationIdOf(participants);
    const message = { id, conversationId, senderId, receiverId, content };
    const { recipients: _, ...sent } = await appendMessage(deps, { message, participants, idempotencyKey });
    return sent;
  };
}

/** Stores a new message, if its content is valid. Refuses like `SendMessage`. */
export async function appendMessage(
  deps: { readonly messages: MessageRepository; readonly messageIds: MessageIds },
  request: {
    readonly message: Omit<SentMessage, 'editId' | 'deletionId'>;
    readonly participants: Participants;
    readonly idempotencyKey: IdempotencyKey | null;
  },
): Promise<SendMessageResult & { readonly recipients?: Participants | undefined }> {
  const message = composeMessage(request.message);
  const appended = await deps.messages.append({ ...request, message, isLive: true });
  if (appended.outcome === 'key_reused') {
    throw new Refusal('idempotency_key_reused', 'This idempotency key was used before with another body.');
  }
  deps.messageIds.observe(appended.message.id);
  const { outcome, recipients } = appended;
  return { message: appended.message, replayed: outcome === 'repeated', recipients };
}
