/**
 * Every way in which the messenger says no. Each is a fact seen from the caller's side; what an adapter
 * makes of it (a status, an exit code) is the adapter's own table, which must have a row for each.
 */
export type RefusalCode =
  | 'content_blank'
  | 'content_too_long'
  | 'content_not_text'
  | 'username_blank'
  | 'username_too_long'
  | 'username_not_text'
  | 'conversation_not_found'
  | 'user_not_found'
  | 'idempotency_key_reused'
  | 'page_too_deep'
  | 'sender_is_another'
  | 'participants_are_others'
  | 'inbox_of_another'
  | 'events_of_another'
  | 'cursor_expired'
  | 'name_of_another';

/** The one error that carries a no. `message` is a sentence for the caller and never quotes what was sent. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
