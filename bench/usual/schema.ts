/** The keyspace of the usual design, on the same Cassandra. */
export const USUAL_KEYSPACE = 'usual';

/** Its tables. The row of an inbox has its time in its key, so that the inbox is sorted by reading it. */
export const USUAL_TABLES = [
  `CREATE KEYSPACE IF NOT EXISTS ${USUAL_KEYSPACE}
     WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 1}`,
  `CREATE TABLE IF NOT EXISTS ${USUAL_KEYSPACE}.messages_by_conversation (
     conversation_id uuid, message_id timeuuid, sender_id text, receiver_id text, content text,
     PRIMARY KEY (conversation_id, message_id)
   ) WITH CLUSTERING ORDER BY (message_id DESC)`,
  `CREATE TABLE IF NOT EXISTS ${USUAL_KEYSPACE}.conversations (
     conversation_id uuid PRIMARY KEY, participants set<text>, last_message_at timestamp, last_message text
   )`,
  `CREATE TABLE IF NOT EXISTS ${USUAL_KEYSPACE}.conversations_by_user (
     user_id text, last_message_at timestamp, conversation_id uuid, other_user_id text, last_message text,
     PRIMARY KEY (user_id, last_message_at, conversation_id)
   ) WITH CLUSTERING ORDER BY (last_message_at DESC, conversation_id ASC)`,
];

export const PUT_INBOX_ROW = `
  INSERT INTO ${USUAL_KEYSPACE}.conversations_by_user
    (user_id, last_message_at, conversation_id, other_user_id, last_message)
  VALUES (?, ?, ?, ?, ?)`;

export const DELETE_INBOX_ROW = `
  DELETE FROM ${USUAL_KEYSPACE}.conversations_by_user
  WHERE user_id = ? AND last_message_at = ? AND conversation_id = ?`;

export const PUT_MESSAGE = `
  INSERT INTO ${USUAL_KEYSPACE}.messages_by_conversation
    (conversation_id, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?)`;
