/** The keyspace of the naive design, on the same Cassandra. */
export const NAIVE_KEYSPACE = 'naive';

/** The tables of the naive design. The key of an inbox row contains its time, so that the table sorts the inbox. */
export const NAIVE_TABLES = [
  `CREATE KEYSPACE IF NOT EXISTS ${NAIVE_KEYSPACE}
     WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 1}`,
  `CREATE TABLE IF NOT EXISTS ${NAIVE_KEYSPACE}.messages_by_conversation (
     conversation_id uuid, message_id timeuuid, sender_id text, receiver_id text, content text,
     PRIMARY KEY (conversation_id, message_id)
   ) WITH CLUSTERING ORDER BY (message_id DESC)`,
  `CREATE TABLE IF NOT EXISTS ${NAIVE_KEYSPACE}.conversations (
     conversation_id uuid PRIMARY KEY, participants set<text>, last_message_at timestamp, last_message text
   )`,
  `CREATE TABLE IF NOT EXISTS ${NAIVE_KEYSPACE}.conversations_by_user (
     user_id text, last_message_at timestamp, conversation_id uuid, other_user_id text, last_message text,
     PRIMARY KEY (user_id, last_message_at, conversation_id)
   ) WITH CLUSTERING ORDER BY (last_message_at DESC, conversation_id ASC)`,
];

export const PUT_INBOX_ROW = `
  INSERT INTO ${NAIVE_KEYSPACE}.conversations_by_user
    (user_id, last_message_at, conversation_id, other_user_id, last_message)
  VALUES (?, ?, ?, ?, ?)`;

export const DELETE_INBOX_ROW = `
  DELETE FROM ${NAIVE_KEYSPACE}.conversations_by_user
  WHERE user_id = ? AND last_message_at = ? AND conversation_id = ?`;

export const PUT_MESSAGE = `
  INSERT INTO ${NAIVE_KEYSPACE}.messages_by_conversation
    (conversation_id, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?)`;
