/** A finished request, for metrics. It contains no id of a user, a conversation or a message. */
export interface CompletedRequest {
  /** A standard HTTP method, or `_OTHER`. */
  readonly method: string;
  /** The path template, with names in place of ids; null if no route matched. */
  readonly route: string | null;
  readonly status: number;
  readonly milliseconds: number;
  /** Whether the response is that of an earlier request with the same idempotency key. */
  readonly replayed: boolean;
}

/** How a statement ended. */
export type StatementOutcome = 'ok' | 'unavailable' | 'outcome_unknown' | 'failed';

/**
 * Why an event stream ended: the client disconnected, did not read in time (`slow`), or its token expired; the stream
 * reached its maximum age; the service stops; or the log no longer reaches back to the cursor (`behind`).
 */
export type StreamEnd = 'client' | 'slow' | 'expired' | 'age' | 'stopping' | 'behind';

/**
 * Receives measurements from adapters, for metrics. All names are from small closed lists. No method fails or waits.
 */
export interface Telemetry {
  requestCompleted(request: CompletedRequest): void;

  /**
   * A statement is sent. `name` is its verb and its table, or `BATCH` and the table, without values. The returned
   * function takes the outcome and the number of speculative executions (further nodes, because the first one was slow).
   */
  statementSent(name: string): (outcome: StatementOutcome, speculations: number) => void;

  /** An attempt at a statement failed and is retried. */
  attemptRepeated(): void;

  /** A page of an inbox was read: the rows read from the log and the inbox, and the entries shown. */
  inboxRead(rows: { readonly read: number; readonly shown: number }): void;

  /** An event stream was opened, new or resumed with a cursor. The returned function must be called when it ends. */
  streamOpened(resumed: boolean): (reason: StreamEnd) => void;

  /** `count` events were delivered to a client. */
  eventsDelivered(count: number): void;

  /** A batch of an open stream is sent `milliseconds` after the time of its newest event. */
  eventLag(milliseconds: number): void;

  /** `count` hints were sent to other processes, received from them, or lost before they were sent. */
  hints(count: number, what: 'sent' | 'received' | 'lost'): void;
}

/** Telemetry that calls both. */
export function combineTelemetry(one: Telemetry, other: Telemetry): Telemetry {
  return {
    requestCompleted(request) {
      one.requestCompleted(request);
      other.requestCompleted(request);
    },
    statementSent(name) {
      const endOne = one.statementSent(name);
      const endOther = other.statementSent(name);
      return (outcome, speculations) => {
        endOne(outcome, speculations);
        endOther(outcome, speculations);
      };
    },
    attemptRepeated() {
      one.attemptRepeated();
      other.attemptRepeated();
    },
    inboxRead(rows) {
      one.inboxRead(rows);
      other.inboxRead(rows);
    },
    streamOpened(resumed) {
      const endOne = one.streamOpened(resumed);
      const endOther = other.streamOpened(resumed);
      return (reason) => {
        endOne(reason);
        endOther(reason);
      };
    },
    eventsDelivered(count) {
      one.eventsDelivered(count);
      other.eventsDelivered(count);
    },
    eventLag(milliseconds) {
      one.eventLag(milliseconds);
      other.eventLag(milliseconds);
    },
    hints(count, what) {
      one.hints(count, what);
      other.hints(count, what);
    },
  };
}

/** Telemetry that does nothing. */
export const NOOP_TELEMETRY: Telemetry = {
  requestCompleted: () => undefined,
  statementSent: () => () => undefined,
  attemptRepeated: () => undefined,
  inboxRead: () => undefined,
  streamOpened: () => () => undefined,
  eventsDelivered: () => undefined,
  eventLag: () => undefined,
  hints: () => undefined,
};
