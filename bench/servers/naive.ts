import { types, type Client } from 'cassandra-driver';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { lastSegment, LIMIT, type Answers, type Body } from './bare-http.ts';

/*
 * The usual design. Inbox rows are sorted by time: a send reads the conversation to find its inbox rows, deletes them
 * and inserts new ones. A page is one query; a numbered page reads all rows before it. There are no
 * idempotency keys, no unread state, no validation and no log.
 */

export const NAIVE_TABLES = [
  `CREATE TABLE IF NOT EXISTS naive_messages (
     conversation_id uuid, message_id timeuuid, sender_id text, receiver_id text, content text,
     PRIMARY KEY (conversation_id, message_id)
   ) WITH CLUSTERING ORDER BY (message_id DESC)`,
  `CREATE TABLE IF NOT EXISTS naive_conversations (
     conversation_id uuid PRIMARY KEY, participants set<text>, last_message_at timestamp, last_message text
   )`,
  `CREATE TABLE IF NOT EXISTS naive_inboxes (
     user_id text, last_message_at timestamp, conversation_id uuid, other_user_id text, last_message text,
     PRIMARY KEY (user_id, last_message_at, conversation_id)
   ) WITH CLUSTERING ORDER BY (last_message_at DESC, conversation_id ASC)`,
];

export const PUT_INBOX_ROW = `
  INSERT INTO naive_inboxes (user_id, last_message_at, conversation_id, other_user_id, last_message)
  VALUES (?, ?, ?, ?, ?)`;
export const DELETE_INBOX_ROW = `
  DELETE FROM naive_inboxes WHERE user_id = ? AND last_message_at = ? AND conversation_id = ?`;
export const PUT_MESSAGE = `
  INSERT INTO naive_messages (conversation_id, message_id, sender_id, receiver_id, content) VALUES (?, ?, ?, ?, ?)`;
const CONVERSATION = `SELECT last_message_at FROM naive_conversations WHERE conversation_id = ?`;
const PUT_CONVERSATION = `
  UPDATE naive_conversations SET participants = ?, last_message_at = ?, last_message = ? WHERE conversation_id = ?`;
const MESSAGES = `
  SELECT message_id, sender_id, receiver_id, content FROM naive_messages WHERE conversation_id = ? LIMIT ?`;
const INBOX = `
  SELECT conversation_id, other_user_id, last_message_at, last_message FROM naive_inboxes WHERE user_id = ? LIMIT ?`;

const OPTIONS = { prepare: true, consistency: types.consistencies.localQuorum, isIdempotent: true };

/** Handles the requests of the benchmark, over a connected client. */
export function naiveAnswers(client: Client): Answers {
  async function send({ sender_id, receiver_id, content }: Body): Promise<object> {
    const participants = [sender_id, receiver_id].sort();
    const id = conversationIdOf(participants);
    const messageId = types.TimeUuid.now();
    const at = messageId.getDate();
    const known = (await client.execute(CONVERSATION, [id], OPTIONS)).first() as types.Row | null;
    const previous = known?.['last_message_at'] as Date | undefined;
    const writes: { query: string; params: unknown[] }[] = [
      { query: PUT_MESSAGE, params: [id, messageId, sender_id, receiver_id, content] },
      { query: PUT_CONVERSATION, params: [participants, at, content, id] },
    ];
    for (const userId of participants) {
      const other = userId === sender_id ? receiver_id : sender_id;
      // In one batch, a delete and an insert of one row have the same timestamp, and the delete wins.
      if (previous !== undefined && previous.getTime() !== at.getTime()) {
        writes.push({ query: DELETE_INBOX_ROW, params: [userId, previous, id] });
      }
      writes.push({ query: PUT_INBOX_ROW, params: [userId, at, id, other, content] });
    }
    await client.batch(writes, { ...OPTIONS, logged: true });
    return { id: String(messageId), conversation_id: id, sender_id, receiver_id, content, created_at: at };
  }

  return {
    send: (body) => send(JSON.parse(body) as Body),
    async read(path, query) {
      const of = lastSegment(path);
      const page = Number(query?.get('page') ?? 1);
      const isInbox = path.startsWith('/api/conversations/user/');
      const { rows } = await client.execute(isInbox ? INBOX : MESSAGES, [of, page * LIMIT], OPTIONS);
      const data = rows.slice((page - 1) * LIMIT).map((row) =>
        isInbox
          ? {
              id: String(row['conversation_id']),
              other_user_id: row['other_user_id'] as string,
              last_message_at: row['last_message_at'] as Date,
              last_message_content: row['last_message'] as string,
            }
          : {
              id: String(row['message_id']),
              conversation_id: of,
              sender_id: row['sender_id'] as string,
              receiver_id: row['receiver_id'] as string,
              content: row['content'] as string,
              created_at: (row['message_id'] as types.TimeUuid).getDate(),
            },
      );
      return { data, page, limit: LIMIT };
    },
  };
}
