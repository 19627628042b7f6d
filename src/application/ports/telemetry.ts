/** A request that has been answered, as it may be counted: nothing in it names a user, a conversation or a message. */
export interface AnsweredRequest {
  /** One of HTTP's own, or `_OTHER`. */
  readonly method: string;
  /** The template of its path, with names in place of ids; null where no route took it. */
  readonly route: string | null;
  readonly status: number;
  readonly milliseconds: number;
  /** Whether its answer was that of an earlier request with the same idempotency key. */
  readonly replayed: boolean;
}

/** How a statement ended. */
export type StatementOutcome = 'ok' | 'unavailable' | 'outcome_unknown' | 'failed';

/**
 * Where adapters tell what they do, for whoever watches the service as a whole. All names are out of small closed
 * lists. Nothing that is told here fails or waits.
 */
export interface Telemetry {
  requestAnswered(request: AnsweredRequest): void;

  /**
   * A statement goes out: its verb and its table, or `BATCH` and the table, with no values. The function that comes
   * back is told how it ended, and how many further nodes were asked because the first one was slow.
   */
  statementSent(name: string): (outcome: StatementOutcome, speculations: number) => void;

  /** An attempt at a statement failed and is made again. */
  attemptRepeated(): void;

  /** A page of an inbox was read: so many rows of the log and of the inbox for so many that it shows. */
  inboxRead(rows: { readonly read: number; readonly shown: number }): void;

  /** A stream of events is open, begun anew or resumed by a cursor. The function that comes back is told of its end. */
  streamOpened(resumed: boolean): () => void;

  /** So many events were given to a client. */
  eventsDelivered(count: number): void;

  /** A batch of an open stream goes out so many milliseconds after the time of its newest event. */
  eventLag(milliseconds: number): void;

  /** So many hints went out to other processes, came in from them, or were lost on the way out. */
  hints(count: number, what: 'sent' | 'received' | 'lost'): void;
}

/** Tells both. */
export function combineTelemetry(one: Telemetry, other: Telemetry): Telemetry {
  return {
    requestAnswered(request) {
      one.requestAnswered(request);
      other.requestAnswered(request);
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
      return () => {
        endOne();
        endOther();
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

/** For a service that nobody watches. */
export const NOOP_TELEMETRY: Telemetry = {
  requestAnswered: () => undefined,
  statementSent: () => () => undefined,
  attemptRepeated: () => undefined,
  inboxRead: () => undefined,
  streamOpened: () => () => undefined,
  eventsDelivered: () => undefined,
  eventLag: () => undefined,
  hints: () => undefined,
};
