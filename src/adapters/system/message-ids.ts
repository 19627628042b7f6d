import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import { messageIdAt, microsecondsOf, type Microseconds } from '../../domain/time.ts';

const BYTES_PER_ID = 10;
const POOL_SIZE = 256 * BYTES_PER_ID;

/** Makes message ids with the clock's microsecond, or the one after the last id if the clock has not advanced. */
export function makeMessageIds(deps: {
  clock: Pick<Clock, 'now'>;
  /** Observed ids that are further ahead of the clock are ignored. */
  maxClockSkew?: Microseconds;
}): MessageIds {
  const { clock, maxClockSkew = 2_000_000 } = deps;
  // Random bytes for many ids at once: a call per id would cost more than the rest of the function.
  const pool = new Uint8Array(POOL_SIZE);
  let used = POOL_SIZE;
  let last = 0;
  return {
    next() {
      if (used === POOL_SIZE) {
        crypto.getRandomValues(pool);
        used = 0;
      }
      const random = new DataView(pool.buffer, used, BYTES_PER_ID);
      used += BYTES_PER_ID;
      last = Math.max(clock.now(), last + 1);
      // 24 random bits scaled to a thousand values: the bias is less than one in ten thousand.
      const thousandth = Math.floor(((random.getUint16(0) * 256 + random.getUint8(2)) / 0x100_0000) * 1000);
      const tail = hex(random.getUint32(3)) + hex(random.getUint32(6)).slice(3);
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
