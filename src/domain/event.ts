import type { ConversationId, EventId, MessageId, UserId } from './ids.ts';
import type { Microseconds } from './time.ts';

/** One entry of a user's event log. It has no message text; readers load the message by its id. */
export type Event = {
  readonly id: EventId;
  readonly conversationId: ConversationId;
} & (
  | {
      readonly type: 'message.created' | 'message.edited' | 'message.deleted';
      readonly messageId: MessageId;
    }
  /** The conversation appeared in the user's inbox: it was started, or the user joined the group. */
  | { readonly type: 'conversation.created' }
  /** The name or the members of a group changed. */
  | { readonly type: 'conversation.updated' }
  /** The owner of the log left the group or was removed. Clients get it as `conversation.updated`. */
  | { readonly type: 'conversation.left' }
  /** `readerId` has read the conversation up to the event `readUpTo`. */
  | { readonly type: 'conversation.read'; readonly readerId: UserId; readonly readUpTo: EventId }
);

/** The events of a change of a group. */
export type GroupEventType = 'conversation.created' | 'conversation.updated' | 'conversation.left';

/**
 * Whether an event of this type may determine the position of its conversation in the inbox. `conversation.left` does
 * if a later event has reached a user who has left (`InboxEntry.lastEventId`).
 */
export function placesConversation(type: Event['type']): boolean {
  return type === 'message.created' || type === 'conversation.created' || type === 'conversation.left';
}

/** Added to the request timeout for work that continues after the response. */
const MARGIN: Microseconds = 3_000_000;

/** The limits that determine how late an event can become visible. */
export interface LatenessLimits {
  /** The timeout of a request. */
  readonly requestTimeout: Microseconds;
  /** The maximum difference of a clock from the true time. */
  readonly maxClockSkew: Microseconds;
}

/** The limits of settings, which are in milliseconds. */
export function latenessLimits(settings: {
  readonly requestTimeoutMs: number;
  readonly maxClockSkewMs: number;
}): LatenessLimits {
  return {
    requestTimeout: settings.requestTimeoutMs * 1_000,
    maxClockSkew: settings.maxClockSkewMs * 1_000,
  };
}

/**
 * The longest time between the id of an ordinary event and the instant at which every reader can see the event. A
 * message that becomes visible later gets a late event with a new id. Readers that follow the order of events rely on
 * this value, so it must be the same in all processes.
 */
export function visibilityWindow(limits: LatenessLimits): Microseconds {
  return limits.requestTimeout + 2 * limits.maxClockSkew + MARGIN;
}

/**
 * Whether an event became visible late. `age` is the age of its id, measured by the process that stores the event. Two
 * clocks can differ by twice the allowed skew, so the limit is the visibility window minus that difference.
 */
export function isLate(age: Microseconds, limits: LatenessLimits): boolean {
  return age > visibilityWindow(limits) - 2 * limits.maxClockSkew;
}
