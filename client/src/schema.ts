// Written by `npm run openapi`.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export type components = {
  schemas: {
    readonly Message: {
      /**
       * Format: uuid
       * @description A UUIDv7. As text, ids sort in the order of the messages.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * Format: uuid
       * @description The id of a conversation. Two users always have the same one; a group has its own.
       * @example 9763e288-d989-55b2-b4f9-d793723eb9ef
       */
      readonly conversation_id: string;
      /**
       * @description The id of a user.
       * @example alice
       */
      readonly sender_id: string;
      /**
       * @description Null in a group.
       * @example bob
       */
      readonly receiver_id: string | null;
      /**
       * @description The content exactly as it was sent, or as it was last edited. Null if the message is deleted; and for a user who has left the group, if it was edited later.
       * @example Shall we meet at noon?
       */
      readonly content: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 in UTC with nine fractional digits. As before_timestamp it is an exact position in a history.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly created_at: string;
      /**
       * Format: date-time
       * @description The time of the last edit. Null if the message was not edited, or is deleted.
       * @example null
       */
      readonly edited_at: string | null;
      /**
       * Format: date-time
       * @description The time at which the message was deleted. Null if it is not deleted.
       * @example null
       */
      readonly deleted_at: string | null;
    };
    /**
     * @description An error as defined by RFC 9457. These types exist:
     *
     *     | type | status | title |
     *     | --- | --- | --- |
     *     | `urn:problem:messenger:malformed-request` | 400 | The request is not well-formed HTTP |
     *     | `urn:problem:messenger:malformed-path` | 400 | The path is not valid percent-encoded UTF-8 |
     *     | `urn:problem:messenger:malformed-body` | 400 | The body is not valid JSON |
     *     | `urn:problem:messenger:invalid-request` | 400 | Request validation failed |
     *     | `urn:problem:messenger:invalid-cursor` | 400 | The cursor does not belong to this list |
     *     | `urn:problem:messenger:page-too-deep` | 400 | The page number is too high |
     *     | `urn:problem:messenger:content-blank` | 400 | The content is blank |
     *     | `urn:problem:messenger:content-too-long` | 400 | The content is too long |
     *     | `urn:problem:messenger:content-not-text` | 400 | The content contains invalid characters |
     *     | `urn:problem:messenger:username-blank` | 400 | The username is blank |
     *     | `urn:problem:messenger:username-too-long` | 400 | The username is too long |
     *     | `urn:problem:messenger:username-not-text` | 400 | The username contains invalid characters |
     *     | `urn:problem:messenger:group-name-blank` | 400 | The group name is blank |
     *     | `urn:problem:messenger:group-name-too-long` | 400 | The group name is too long |
     *     | `urn:problem:messenger:group-name-not-text` | 400 | The group name contains invalid characters |
     *     | `urn:problem:messenger:token-missing` | 401 | The bearer token is missing |
     *     | `urn:problem:messenger:token-invalid` | 401 | The token is invalid |
     *     | `urn:problem:messenger:token-expired` | 401 | The token has expired |
     *     | `urn:problem:messenger:sender-is-another` | 403 | The sender is not the caller |
     *     | `urn:problem:messenger:participants-are-others` | 403 | The caller is not among the participants |
     *     | `urn:problem:messenger:creator-is-another` | 403 | The creator is not the caller |
     *     | `urn:problem:messenger:member-left` | 403 | The user has left the group |
     *     | `urn:problem:messenger:not-the-creator` | 403 | Only the creator of the group may do this |
     *     | `urn:problem:messenger:reader-is-another` | 403 | The reader is not the caller |
     *     | `urn:problem:messenger:inbox-of-another` | 403 | The inbox belongs to another user |
     *     | `urn:problem:messenger:events-of-another` | 403 | The events belong to another user |
     *     | `urn:problem:messenger:name-of-another` | 403 | The name belongs to another user |
     *     | `urn:problem:messenger:message-of-another` | 403 | The message belongs to another user |
     *     | `urn:problem:messenger:path-not-found` | 404 | The path does not exist |
     *     | `urn:problem:messenger:conversation-not-found` | 404 | The conversation does not exist |
     *     | `urn:problem:messenger:message-not-found` | 404 | The message does not exist |
     *     | `urn:problem:messenger:user-not-found` | 404 | The user does not exist |
     *     | `urn:problem:messenger:member-not-found` | 404 | The user was never a member of the group |
     *     | `urn:problem:messenger:method-not-allowed` | 405 | The path does not support this method |
     *     | `urn:problem:messenger:request-too-slow` | 408 | The request did not arrive in time |
     *     | `urn:problem:messenger:message-deleted` | 409 | The message is deleted |
     *     | `urn:problem:messenger:not-a-group` | 409 | The conversation is not a group |
     *     | `urn:problem:messenger:cursor-expired` | 410 | The cursor is older than the event log |
     *     | `urn:problem:messenger:body-too-large` | 413 | The body is too large |
     *     | `urn:problem:messenger:unsupported-media-type` | 415 | The media type of the body is not supported |
     *     | `urn:problem:messenger:unsupported-content-coding` | 415 | The content coding of the body is not supported |
     *     | `urn:problem:messenger:group-too-large` | 422 | The group is too large |
     *     | `urn:problem:messenger:idempotency-key-reused` | 422 | The idempotency key was used with another body |
     *     | `urn:problem:messenger:rate-limited` | 429 | The rate limit is exceeded |
     *     | `urn:problem:messenger:too-many-streams` | 429 | The user has too many open event streams |
     *     | `urn:problem:messenger:header-too-large` | 431 | The header is too large |
     *     | `urn:problem:messenger:internal-error` | 500 | An internal error occurred |
     *     | `urn:problem:messenger:unsupported-transfer-coding` | 501 | The transfer coding is not supported |
     *     | `urn:problem:messenger:overloaded` | 503 | The service is overloaded |
     *     | `urn:problem:messenger:clock-not-verified` | 503 | The clock of the service is not verified |
     *     | `urn:problem:messenger:keys-unavailable` | 503 | Tokens cannot be verified |
     *     | `urn:problem:messenger:storage-unavailable` | 503 | Storage is unavailable |
     *     | `urn:problem:messenger:outcome-unknown` | 503 | The outcome is unknown |
     *     | `urn:problem:messenger:not-ready` | 503 | The service is not ready |
     */
    readonly Problem: {
      /**
       * @description The type of the problem. Types are stable, so programs can rely on them.
       * @enum {string}
       */
      readonly type:
        | 'urn:problem:messenger:malformed-request'
        | 'urn:problem:messenger:malformed-path'
        | 'urn:problem:messenger:malformed-body'
        | 'urn:problem:messenger:invalid-request'
        | 'urn:problem:messenger:invalid-cursor'
        | 'urn:problem:messenger:page-too-deep'
        | 'urn:problem:messenger:content-blank'
        | 'urn:problem:messenger:content-too-long'
        | 'urn:problem:messenger:content-not-text'
        | 'urn:problem:messenger:username-blank'
        | 'urn:problem:messenger:username-too-long'
        | 'urn:problem:messenger:username-not-text'
        | 'urn:problem:messenger:group-name-blank'
        | 'urn:problem:messenger:group-name-too-long'
        | 'urn:problem:messenger:group-name-not-text'
        | 'urn:problem:messenger:token-missing'
        | 'urn:problem:messenger:token-invalid'
        | 'urn:problem:messenger:token-expired'
        | 'urn:problem:messenger:sender-is-another'
        | 'urn:problem:messenger:participants-are-others'
        | 'urn:problem:messenger:creator-is-another'
        | 'urn:problem:messenger:member-left'
        | 'urn:problem:messenger:not-the-creator'
        | 'urn:problem:messenger:reader-is-another'
        | 'urn:problem:messenger:inbox-of-another'
        | 'urn:problem:messenger:events-of-another'
        | 'urn:problem:messenger:name-of-another'
        | 'urn:problem:messenger:message-of-another'
        | 'urn:problem:messenger:path-not-found'
        | 'urn:problem:messenger:conversation-not-found'
        | 'urn:problem:messenger:message-not-found'
        | 'urn:problem:messenger:user-not-found'
        | 'urn:problem:messenger:member-not-found'
        | 'urn:problem:messenger:method-not-allowed'
        | 'urn:problem:messenger:request-too-slow'
        | 'urn:problem:messenger:message-deleted'
        | 'urn:problem:messenger:not-a-group'
        | 'urn:problem:messenger:cursor-expired'
        | 'urn:problem:messenger:body-too-large'
        | 'urn:problem:messenger:unsupported-media-type'
        | 'urn:problem:messenger:unsupported-content-coding'
        | 'urn:problem:messenger:group-too-large'
        | 'urn:problem:messenger:idempotency-key-reused'
        | 'urn:problem:messenger:rate-limited'
        | 'urn:problem:messenger:too-many-streams'
        | 'urn:problem:messenger:header-too-large'
        | 'urn:problem:messenger:internal-error'
        | 'urn:problem:messenger:unsupported-transfer-coding'
        | 'urn:problem:messenger:overloaded'
        | 'urn:problem:messenger:clock-not-verified'
        | 'urn:problem:messenger:keys-unavailable'
        | 'urn:problem:messenger:storage-unavailable'
        | 'urn:problem:messenger:outcome-unknown'
        | 'urn:problem:messenger:not-ready';
      /** @description A summary of the type, for people. */
      readonly title: string;
      /** @description The HTTP status. */
      readonly status: number;
      /** @description An explanation of this occurrence, for people. */
      readonly detail: string;
      /** @description This occurrence; contains the X-Request-Id. */
      readonly instance: string;
      readonly errors?: readonly components['schemas']['FieldError'][];
    };
    /** @description An invalid part of the request. */
    readonly FieldError:
      | {
          /** @description A member of the body, as a JSON Pointer in a URI fragment (RFC 6901). */
          readonly pointer: string;
          /** @description The error, or the rule that is violated. */
          readonly detail: string;
        }
      | {
          /** @description A path or query parameter. */
          readonly parameter: string;
          /** @description The error, or the rule that is violated. */
          readonly detail: string;
        }
      | {
          /** @description A request header. */
          readonly header: string;
          /** @description The error, or the rule that is violated. */
          readonly detail: string;
        };
    readonly MessageToSend: {
      /**
       * @description The id of a user, chosen by the client. A whole number means its decimal digits.
       * @example alice
       */
      readonly sender_id?: string | number;
      /**
       * @description The id of a user, chosen by the client. A whole number means its decimal digits.
       * @example bob
       */
      readonly receiver_id: string | number;
      /**
       * @description Unicode text that is not blank, without NUL and without unpaired surrogates.
       * @example Shall we meet at noon?
       */
      readonly content: string;
    };
    readonly ConversationMessageToSend: {
      /**
       * @description The id of a user, chosen by the client. A whole number means its decimal digits.
       * @example alice
       */
      readonly sender_id?: string | number;
      /**
       * @description Unicode text that is not blank, without NUL and without unpaired surrogates.
       * @example Shall we meet at noon?
       */
      readonly content: string;
    };
    readonly MessagePage: {
      readonly data: readonly components['schemas']['Message'][];
      /** @example 20 */
      readonly limit: number;
      /** @description The number of the page, if the request had one. */
      readonly page?: number;
      /**
       * @description The cursor of the next page; null on the last page.
       * @example IQGcE2NKO3HIsVwP_uDduhEr6GQC
       */
      readonly next_cursor: string | null;
    };
    readonly MessageEdit: {
      /**
       * @description Unicode text that is not blank, without NUL and without unpaired surrogates.
       * @example Shall we meet at one?
       */
      readonly content: string;
    };
    readonly Conversation: {
      /**
       * Format: uuid
       * @description The id of a conversation. Two users always have the same one; a group has its own.
       * @example 9763e288-d989-55b2-b4f9-d793723eb9ef
       */
      readonly id: string;
      /**
       * @description In sorted order, independent of who sent the last message. A conversation with oneself has one participant. For a user who has left a group: the participants who stayed.
       * @example [
       *       "alice",
       *       "bob"
       *     ]
       */
      readonly participant_ids: readonly string[];
      /**
       * @description The name of a group; null if it has none, and in a conversation of two.
       * @example Lunch
       */
      readonly name: string | null;
      /**
       * @description The user who created the group and may remove others; null in a conversation of two.
       * @example alice
       */
      readonly creator_id: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 in UTC with nine fractional digits. As before_timestamp it is an exact position in a history.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly created_at: string;
      /**
       * Format: uuid
       * @description A UUIDv7. As text, ids sort in the order of the messages.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly last_message_id: string | null;
      /**
       * @description The id of a user.
       * @example alice
       */
      readonly last_message_sender_id: string | null;
      /**
       * @description The beginning of the content, cut between graphemes. Null if the message is deleted, too.
       * @example Shall we meet at noon?
       */
      readonly last_message_content: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 in UTC with nine fractional digits. As before_timestamp it is an exact position in a history.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly last_message_at: string | null;
      /** @description The read position of each participant, in the order of participant_ids; null in a group. */
      readonly read_positions:
        | readonly {
            /**
             * @description The id of a user.
             * @example alice
             */
            readonly user_id: string;
            /**
             * Format: uuid
             * @description The read position of the user; null before their first mark and their first message.
             * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
             */
            readonly read_up_to: string | null;
          }[]
        | null;
    };
    readonly ConversationToStart: {
      /**
       * @description Two users, in any order; the same user twice is a conversation with oneself. Three or more different users are a group.
       * @example [
       *       "alice",
       *       "bob",
       *       "carol"
       *     ]
       */
      readonly participant_ids: readonly (string | number)[];
      /**
       * @description Unicode text that is not blank, without NUL and without unpaired surrogates.
       * @example Lunch
       */
      readonly name?: string;
      /**
       * @description The id of a user, chosen by the client. A whole number means its decimal digits.
       * @example alice
       */
      readonly creator_id?: string | number;
    };
    readonly InboxPage: {
      readonly data: readonly components['schemas']['InboxRow'][];
      /** @example 20 */
      readonly limit: number;
      /** @description The number of the page, if the request had one. */
      readonly page?: number;
      /**
       * @description The cursor of the next page; null on the last page.
       * @example IQGcE2NKO3HIsVwP_uDduhEr6GQC
       */
      readonly next_cursor: string | null;
    };
    readonly InboxRow: {
      /**
       * Format: uuid
       * @description The id of a conversation. Two users always have the same one; a group has its own.
       * @example 9763e288-d989-55b2-b4f9-d793723eb9ef
       */
      readonly id: string;
      /**
       * @description The participants of a conversation of two; null in a group.
       * @example [
       *       "alice",
       *       "bob"
       *     ]
       */
      readonly participant_ids: readonly string[] | null;
      /**
       * @description The other participant; the same user in a conversation with oneself; null in a group.
       * @example bob
       */
      readonly other_user_id: string | null;
      /**
       * @description The name of a group; null if it has none, and in a conversation of two.
       * @example Lunch
       */
      readonly name: string | null;
      /**
       * Format: date-time
       * @description The time at which the user left the group or was removed; null for a participant, and in a conversation of two.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly left_at: string | null;
      /**
       * Format: uuid
       * @description A UUIDv7. As text, ids sort in the order of the messages.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly last_message_id: string | null;
      /**
       * @description The id of a user.
       * @example alice
       */
      readonly last_message_sender_id: string | null;
      /**
       * @description The beginning of the content, cut between graphemes. Null if the message is deleted, too.
       * @example Shall we meet at noon?
       */
      readonly last_message_content: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 in UTC with nine fractional digits. As before_timestamp it is an exact position in a history.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly last_message_at: string | null;
      /**
       * Format: uuid
       * @description The event that determines the position of the conversation in the inbox. As up_to it marks all messages as read.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly last_event_id: string;
      /**
       * Format: uuid
       * @description The read position of the user; null before their first mark and their first message.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly read_up_to: string | null;
      /** @description Whether there are unread messages of other participants. */
      readonly unread: boolean;
      /**
       * @description With unread_counts=true: the number of unread messages of other participants. 100 means 100 or more.
       * @example 3
       */
      readonly unread_count?: number;
    };
    readonly ReadPosition: {
      /**
       * Format: uuid
       * @description The id of a conversation. Two users always have the same one; a group has its own.
       * @example 9763e288-d989-55b2-b4f9-d793723eb9ef
       */
      readonly conversation_id: string;
      /**
       * @description The id of a user.
       * @example alice
       */
      readonly user_id: string;
      /**
       * Format: uuid
       * @description The current read position of the user.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly read_up_to: string;
    };
    readonly ReadMark: {
      /**
       * @description The id of a user, chosen by the client. A whole number means its decimal digits.
       * @example alice
       */
      readonly user_id?: string | number;
      /**
       * Format: uuid
       * @description The id of an event or of a message: the last_event_id of an inbox entry, or the id of the last message that the user has seen.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly up_to: string;
    };
    readonly GroupToRename: {
      /**
       * @description Unicode text that is not blank, without NUL and without unpaired surrogates.
       * @example Lunch
       */
      readonly name: string;
    };
    readonly EventList: {
      readonly data: readonly components['schemas']['Event'][];
      /**
       * @description The cursor for the events that follow. It is never null.
       * @example EwGcE2NKO3AAgAAAAAAAAAAa9C5T
       */
      readonly next_cursor: string;
    };
    readonly Event:
      | components['schemas']['MessageCreated']
      | components['schemas']['MessageEdited']
      | components['schemas']['MessageDeleted']
      | components['schemas']['ConversationCreated']
      | components['schemas']['ConversationUpdated']
      | components['schemas']['ConversationRead'];
    /** @description A message was sent to or by the user. For a message that became visible late, the event has its own id. The data are its current state: a message that is deleted by now has no content. */
    readonly MessageCreated: {
      /**
       * Format: uuid
       * @description A UUIDv7. Clients use it to drop repeated events.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly type: 'message.created';
      /**
       * Format: date-time
       * @description The time in the id.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly timestamp: string;
      readonly data: components['schemas']['Message'];
    };
    /** @description A message has a new content. The data are its current state. */
    readonly MessageEdited: {
      /**
       * Format: uuid
       * @description A UUIDv7. Clients use it to drop repeated events.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly type: 'message.edited';
      /**
       * Format: date-time
       * @description The time in the id.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly timestamp: string;
      readonly data: components['schemas']['Message'];
    };
    /** @description A message was deleted. */
    readonly MessageDeleted: {
      /**
       * Format: uuid
       * @description A UUIDv7. Clients use it to drop repeated events.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly type: 'message.deleted';
      /**
       * Format: date-time
       * @description The time in the id.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly timestamp: string;
      readonly data: {
        /**
         * Format: uuid
         * @description The id of a conversation. Two users always have the same one; a group has its own.
         * @example 9763e288-d989-55b2-b4f9-d793723eb9ef
         */
        readonly conversation_id: string;
        /**
         * Format: uuid
         * @description A UUIDv7. As text, ids sort in the order of the messages.
         * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
         */
        readonly message_id: string;
      };
    };
    /** @description A conversation was started without a message, or the user was added to a group. The data are its current state. */
    readonly ConversationCreated: {
      /**
       * Format: uuid
       * @description A UUIDv7. Clients use it to drop repeated events.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly type: 'conversation.created';
      /**
       * Format: date-time
       * @description The time in the id.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly timestamp: string;
      readonly data: components['schemas']['Conversation'];
    };
    /** @description The name or the participants of a group changed, or the user left it. The data are its current state; for a user who has left, its state at that time. */
    readonly ConversationUpdated: {
      /**
       * Format: uuid
       * @description A UUIDv7. Clients use it to drop repeated events.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly type: 'conversation.updated';
      /**
       * Format: date-time
       * @description The time in the id.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly timestamp: string;
      readonly data: components['schemas']['Conversation'];
    };
    /** @description A participant has read the conversation up to the event read_up_to. In a group only the reader gets it. */
    readonly ConversationRead: {
      /**
       * Format: uuid
       * @description A UUIDv7. Clients use it to drop repeated events.
       * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
       */
      readonly id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      readonly type: 'conversation.read';
      /**
       * Format: date-time
       * @description The time in the id.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly timestamp: string;
      readonly data: {
        /**
         * Format: uuid
         * @description The id of a conversation. Two users always have the same one; a group has its own.
         * @example 9763e288-d989-55b2-b4f9-d793723eb9ef
         */
        readonly conversation_id: string;
        /**
         * @description The id of a user.
         * @example alice
         */
        readonly user_id: string;
        /**
         * Format: uuid
         * @description A UUIDv7. As text, ids sort in the order of the messages.
         * @example 019c1363-4a3b-71c8-b15c-0ffee0ddba11
         */
        readonly read_up_to: string;
      };
    };
    readonly User: {
      /**
       * @description The id of a user.
       * @example alice
       */
      readonly id: string;
      /** @example Alice Adler */
      readonly username: string;
      /**
       * Format: date-time
       * @description RFC 3339 in UTC with nine fractional digits. As before_timestamp it is an exact position in a history.
       * @example 2026-01-31T09:30:00.123456789Z
       */
      readonly created_at: string;
    };
    readonly UserToSave: {
      /**
       * @description Unicode text that is not blank, without NUL and without unpaired surrogates.
       * @example Alice Adler
       */
      readonly username: string;
    };
    readonly Live: {
      /** @enum {string} */
      readonly status: 'live';
    };
    readonly Ready: {
      /** @enum {string} */
      readonly status: 'ready';
    };
    readonly Version: {
      /** @example 0.1.0 */
      readonly version: string;
      /**
       * @description The commit of the build, with the suffix -dirty if files were changed; null if unknown.
       * @example 9f1c2f6e6a534b0e9d5e0c7a3f1b8d2400c0ffee
       */
      readonly commit: string | null;
    };
    readonly OpenApi: {
      readonly openapi: string;
    } & {
      readonly [key: string]: unknown;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
};
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
