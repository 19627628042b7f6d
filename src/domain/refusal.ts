/**
 * All reasons to refuse a request, as facts from the caller's side. Each adapter maps them to its own results (a
 * status, an exit code) in a table, which must have a row for each code.
 */
export type RefusalCode =
  | 'content_blank'
  | 'content_too_long'
  | 'content_not_text'
  | 'username_blank'
  | 'username_too_long'
  | 'username_not_text'
  | 'conversation_not_found'
  | 'message_not_found'
  | 'message_of_another'
  | 'message_deleted'
  | 'user_not_found'
  | 'idempotency_key_reused'
  | 'page_too_deep'
  | 'sender_is_another'
  | 'participants_are_others'
  | 'reader_is_another'
  | 'inbox_of_another'
  | 'events_of_another'
  | 'cursor_expired'
  | 'group_too_large'
  | 'group_name_blank'
  | 'group_name_too_long'
  | 'group_name_not_text'
  | 'not_a_group'
  | 'member_not_found'
  | 'member_left'
  | 'not_the_creator'
  | 'creator_is_another'
  | 'name_of_another';

/** The error for a refused request. `message` is a sentence for the caller and never quotes the request. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
