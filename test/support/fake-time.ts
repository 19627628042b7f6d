import type { TimeSources } from '../../src/adapters/system/clock.ts';

/** The time sources of a host, which a test moves. */
export class FakeTime implements TimeSources {
  #wall: number;
  #monotonic = 1_000;

  constructor(wall: number) {
    this.#wall = wall;
  }

  readonly wall = (): number => Math.floor(this.#wall);
  readonly monotonic = (): number => this.#monotonic;

  /** Advances both clocks. */
  pass(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#monotonic += milliseconds;
  }

  /** Sets the wall clock, as an operator or a resume after suspension does. */
  step(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** Lets the monotonic clock drift from the wall clock. */
  drift(milliseconds: number): void {
    this.#monotonic += milliseconds;
  }
}
