import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Message } from '../../domain/message.ts';

/** How many failed sends are being mended at once; those beyond are left to the repeat with their key. */
const MOST_AT_ONCE = 1_000;

/** When a failed send is tried again, in milliseconds after the last attempt: about two minutes in all. */
const DELAYS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

/**
 * Goes on with sends whose outcome is unknown, in the background and within bounds, so that a message that was
 * stored does not lag in an inbox until somebody asks for it again.
 */
export class Mending {
  readonly #log: Log;
  readonly #inFlight = new Set<Promise<void>>();
  /** Ends the waits between attempts. */
  readonly #hurry = new Set<() => void>();
  #mending = 0;
  #closing = false;

  constructor({ log }: { log: Log }) {
    this.#log = log;
  }

  /** `first` as it is; if its outcome is unknown, `again` goes on after it has rejected. */
  watch(first: Promise<void>, again: () => Promise<void>, message: Message): Promise<void> {
    this.#track(
      first.catch((error: unknown) => {
        if (error instanceof StorageFailure && error.kind === 'outcome_unknown') this.#begin(again, message);
      }),
    );
    return first;
  }

  #begin(again: () => Promise<void>, { id, conversationId }: Message): void {
    if (this.#mending >= MOST_AT_ONCE) {
      this.#log.warn({ messageId: id, conversationId }, 'too many failed sends to mend this one');
      return;
    }
    this.#mending += 1;
    this.#track(
      this.#mend(again, { messageId: id, conversationId }).finally(() => {
        this.#mending -= 1;
      }),
    );
  }

  async #mend(again: () => Promise<void>, names: object): Promise<void> {
    for (const delay of DELAYS_MS) {
      await this.#wait(delay);
      try {
        await again();
        return;
      } catch (error) {
        if (!(error instanceof StorageFailure)) {
          this.#log.error({ ...names, err: error }, 'a failed send could not be mended');
          return;
        }
        if (this.#closing) break;
      }
    }
    this.#log.warn(names, 'a failed send was given up; its message may lag in an inbox');
  }

  /** Waits, unless this is closing: then each is tried once more at once. */
  #wait(milliseconds: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#hurry.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#hurry.add(end);
    });
  }

  #track(work: Promise<void>): void {
    this.#inFlight.add(work);
    const forget = () => this.#inFlight.delete(work);
    work.then(forget, forget);
  }

  /** Resolves when nothing is in flight any more: writes in progress have ended, and each mending tried once more. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const end of this.#hurry) end();
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }
}
