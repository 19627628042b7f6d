import type { TimeSources } from '../../src/adapters/system/clock.ts';

/** The sources of time of a host, which a test moves. */
export class FakeTime implements TimeSources {
  #wall: number;
  #steady = 1_000;

  constructor(wall: number) {
    this.#wall = wall;
  }

  readonly wall = (): number => Math.floor(this.#wall);
  readonly steady = (): number => this.#steady;

  /** Time passes. */
  pass(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#steady += milliseconds;
  }

  /** Somebody sets the wall clock; a suspended host wakes up like that, too. */
  step(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** The monotonic clock gains on the wall clock. */
  drift(milliseconds: number): void {
    this.#steady += milliseconds;
  }
}
