import type { types } from 'cassandra-driver';
import type { ConversationRepository } from '../../application/ports/conversation-repository.ts';
import { UNWATCHED, type Telemetry } from '../../application/ports/telemetry.ts';
import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { ConversationId, MessageId, UserId } from '../../domain/ids.ts';
import type { Stretch } from '../../domain/page.ts';
import { emptyHeadOf, readInbox } from './inbox.ts';
import type { Session } from './session.ts';
import { earliestWins } from './stored-time.ts';

/** Written with the timestamp of `earliestWins`. */
const PUT_CONVERSATION = `
  INSERT INTO conversations (conversation_id, participants, created) VALUES (?, ?, ?) USING TIMESTAMP ?`;

const CONVERSATION = `
  SELECT participants, created FROM conversations WHERE conversation_id = ?`;

/** Of the user's own partition: whoever is not in the conversation has no row there, as for one that does not exist. */
const INBOX_ROW = `
  SELECT conversation_id FROM conversations_by_user WHERE user_id = ? AND conversation_id = ?`;

/** The row that a conversation begun at `created` has; its first message writes it as well. */
export function conversationRow({ id, participants, created }: Conversation): [string, readonly unknown[]] {
  return [PUT_CONVERSATION, [id, participants, created, earliestWins(created)]];
}

/** The conversations in Cassandra, and the inboxes that show them. */
export class CassandraConversationRepository implements ConversationRepository {
  readonly #session: Session;
  readonly #telemetry: Telemetry;

  constructor(needs: { session: Session; telemetry?: Telemetry }) {
    this.#session = needs.session;
    this.#telemetry = needs.telemetry ?? UNWATCHED;
  }

  async find(id: ConversationId): Promise<Conversation | null> {
    const [row] = await this.#session.read(CONVERSATION, [id]);
    if (row === undefined) return null;
    return {
      id,
      participants: row['participants'] as readonly UserId[],
      created: String(row['created'] as types.Uuid) as MessageId,
    };
  }

  async start(conversation: Conversation): Promise<void> {
    const writes = this.#session.writes();
    await writes.run(...conversationRow(conversation));
    await Promise.all(
      conversation.participants.map((userId) => writes.together(emptyHeadOf(conversation, userId))),
    );
  }

  async isInInbox(userId: UserId, id: ConversationId): Promise<boolean> {
    return (await this.#session.read(INBOX_ROW, [userId, id])).length > 0;
  }

  listByUser(userId: UserId, stretch: Stretch): Promise<readonly InboxEntry[]> {
    return readInbox({ session: this.#session, telemetry: this.#telemetry }, userId, stretch);
  }
}
