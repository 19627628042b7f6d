import type { IncomingMessage, RequestListener } from 'node:http';
import { types, type Client } from 'cassandra-driver';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { answerWith, textOf } from '../bare-http.ts';
import { DELETE_INBOX_ROW, PUT_INBOX_ROW, PUT_MESSAGE, NAIVE_KEYSPACE } from './schema.ts';

/*
 * The naive design, which most such services use, on bare node:http like the baseline. A send reads the conversation
 * to find its inbox rows, deletes them and inserts new ones. Pages are numbered, so a page reads all previous rows,
 * and each page comes with a count.
 */

const CONVERSATION = `
  SELECT last_message_at FROM ${NAIVE_KEYSPACE}.conversations WHERE conversation_id = ?`;
const PUT_CONVERSATION = `
  UPDATE ${NAIVE_KEYSPACE}.conversations SET participants = ?, last_message_at = ?, last_message = ?
  WHERE conversation_id = ?`;
const MESSAGES = `
  SELECT message_id, sender_id, receiver_id, content FROM ${NAIVE_KEYSPACE}.messages_by_conversation
  WHERE conversation_id = ? LIMIT ?`;
const COUNT_MESSAGES = `
  SELECT COUNT(*) AS total FROM ${NAIVE_KEYSPACE}.messages_by_conversation WHERE conversation_id = ?`;
const INBOX = `
  SELECT conversation_id, other_user_id, last_message_at, last_message
  FROM ${NAIVE_KEYSPACE}.conversations_by_user WHERE user_id = ? LIMIT ?`;
const COUNT_INBOX = `
  SELECT COUNT(*) AS total FROM ${NAIVE_KEYSPACE}.conversations_by_user WHERE user_id = ?`;

const LIMIT = 20;
const OPTIONS = { prepare: true, consistency: types.consistencies.localQuorum, isIdempotent: true };

interface Body {
  readonly sender_id: UserId;
  readonly receiver_id: UserId;
  readonly content: string;
}

/** Handles the requests of the benchmark, over a connected client. */
export function makeNaive(client: Client): RequestListener {
  const read = async (query: string, params: unknown[]): Promise<types.Row[]> =>
    (await client.execute(query, params, OPTIONS)).rows;

  async function send({ sender_id, receiver_id, content }: Body): Promise<object> {
    const participants = [sender_id, receiver_id].sort();
    const id = conversationIdOf(participants);
    const messageId = types.TimeUuid.now();
    const at = messageId.getDate();
    const [known] = await read(CONVERSATION, [id]);
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

  async function page(
    of: string,
    { rows, count }: { rows: string; count: string },
    number: number,
    viewOf: (row: types.Row) => object,
  ): Promise<object> {
    const [found, [counted]] = await Promise.all([read(rows, [of, number * LIMIT]), read(count, [of])]);
    return {
      data: found.slice((number - 1) * LIMIT).map(viewOf),
      page: number,
      limit: LIMIT,
      total: Number(counted?.['total']),
    };
  }

  async function answerTo(request: IncomingMessage): Promise<object> {
    if (request.method === 'POST') return send(JSON.parse(await textOf(request)) as Body);
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const of = pathname.slice(pathname.lastIndexOf('/') + 1);
    const number = Number(searchParams.get('page') ?? 1);
    return pathname.startsWith('/api/conversations/user/')
      ? page(of, { rows: INBOX, count: COUNT_INBOX }, number, (row) => ({
          id: String(row['conversation_id']),
          other_user_id: row['other_user_id'] as string,
          last_message_at: row['last_message_at'] as Date,
          last_message_content: row['last_message'] as string,
        }))
      : page(of, { rows: MESSAGES, count: COUNT_MESSAGES }, number, (row) => ({
          id: String(row['message_id']),
          conversation_id: of,
          sender_id: row['sender_id'] as string,
          receiver_id: row['receiver_id'] as string,
          content: row['content'] as string,
          created_at: (row['message_id'] as types.TimeUuid).getDate(),
        }));
  }

  return answerWith(answerTo);
}
