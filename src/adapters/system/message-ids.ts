import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import { messageIdAt, microsecondsOf, type Microseconds } from '../../domain/time.ts';

const BYTES_PER_ID = 10;
const POOL_SIZE = 256 * BYTES_PER_ID;

/** Message ids at the clock's microsecond, or at the one after the last id where the clock does not move on. */
export function makeMessageIds(deps: {
  clock: Pick<Clock, 'now'>;
  /** Observed ids further ahead of the clock are ignored. */
  maxClockSkew?: Microseconds;
}): MessageIds {
  const { clock, maxClockSkew = 2_000_000 } = deps;
  // Drawn in advance for many ids at once: a call per id would cost more than all the rest.
  const pool = new Uint8Array(POOL_SIZE);
  let drawn = POOL_SIZE;
  let last = 0;
  return {
    next() {
      if (drawn === POOL_SIZE) {
        crypto.getRandomValues(pool);
        drawn = 0;
      }
      const chance = new DataView(pool.buffer, drawn, BYTES_PER_ID);
      drawn += BYTES_PER_ID;
      last = Math.max(clock.now(), last + 1);
      // 24 bits scaled to a thousand values: the bias is under one in ten thousand.
      const thousandth = Math.floor(((chance.getUint16(0) * 256 + chance.getUint8(2)) / 0x100_0000) * 1000);
      const tail = hex(chance.getUint32(3)) + hex(chance.getUint32(6)).slice(3);
      return messageIdAt(last, thousandth, tail);
    },

    observe(position) {
      const time = microsecondsOf(position);
      if (time > last && time <= clock.now() + maxClockSkew) last = time;
    },
  };
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
