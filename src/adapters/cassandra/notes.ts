import { LRUCache } from 'lru-cache';
import type { ConversationId, MessageId } from '../../domain/ids.ts';
import { millisecondsOf } from '../../domain/time.ts';
import { COARSEST, FINEST, LEVELS, slotAt, type Level } from './stored-time.ts';

/**
 * What this process has written for a conversation and need not write again with each message: the rows that
 * repeat until their slot of time is over. The rows of the finest level are never left out.
 */
interface Note {
  /** The earliest id that the conversation's row was written with. */
  readonly earliest: MessageId;
  /** For each level, the slot whose order rows were written, for every participant. */
  readonly slots: readonly number[];
}

/** Bounded, and forgotten within the hour, so that rows which were lost from outside come back. */
const MOST_CONVERSATIONS = 50_000;
const FORGOTTEN_AFTER_MS = 30 * 60_000;

/** Notes of one process, taken only of what was acknowledged. To lose them costs a few writes and nothing else. */
export class Notes {
  readonly #notes = new LRUCache<ConversationId, Note>({
    max: MOST_CONVERSATIONS,
    ttl: FORGOTTEN_AFTER_MS,
    // Looks at the time so often, and not a thousand times a second.
    ttlResolution: 1_000,
  });

  /**
   * What has to be written with the message `id`: the order rows at these levels, and whether also the rows of the
   * conversation and of its bucket (which is a slot of the coarsest level).
   */
  missing(
    conversationId: ConversationId,
    id: MessageId,
  ): { conversation: boolean; levels: readonly Level[] } {
    const note = this.#notes.get(conversationId);
    if (note === undefined) return { conversation: true, levels: LEVELS };
    const slots = slotsOf(id);
    const levels = LEVELS.filter((level) => level === FINEST || note.slots[level] !== slots[level]);
    return { conversation: levels.includes(COARSEST) || id < note.earliest, levels };
  }

  /** Notes that all of that was acknowledged for `id`. */
  note(conversationId: ConversationId, id: MessageId): void {
    const note = this.#notes.get(conversationId);
    const earliest = note === undefined || id < note.earliest ? id : note.earliest;
    this.#notes.set(conversationId, { earliest, slots: slotsOf(id) }, { noUpdateTTL: true });
  }
}

function slotsOf(id: MessageId): number[] {
  const milliseconds = millisecondsOf(id);
  return LEVELS.map((level) => slotAt(level, milliseconds));
}
