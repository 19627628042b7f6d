import type { Timer } from '../../client/src/index.ts';

/** Time that a test moves. */
export class ManualTimer implements Timer {
  #now = 1_800_000_000_000;
  readonly #calls = new Set<{ readonly at: number; readonly act: () => void }>();

  readonly now = (): number => this.#now;

  readonly after = (milliseconds: number, act: () => void): (() => void) => {
    const call = { at: this.#now + milliseconds, act };
    this.#calls.add(call);
    return () => void this.#calls.delete(call);
  };

  /** The milliseconds until each planned call, in order. */
  get planned(): readonly number[] {
    return [...this.#calls].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Moves to each planned call within `milliseconds`, and lets the work that follows from it settle. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settled();
      const [next] = [...this.#calls].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#calls.delete(next);
      next.act();
    }
    this.#now = end;
    await settled();
  }
}

/** Resolves when all work is done that needs no time and no other process. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
}

/** Time that runs `factor` times as fast, for tests that wait for a state. */
export function fastTimer(factor: number): Timer {
  return {
    now: () => Date.now(),
    after(milliseconds, act) {
      const timeout = setTimeout(act, milliseconds / factor);
      return () => clearTimeout(timeout);
    },
  };
}

/** A storage of items in memory, like `localStorage`. */
export class MemoryStorage {
  readonly items = new Map<string, string>();

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}
