import { createHash } from 'node:crypto';

/** Returns a number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

/**
 * A pseudorandom generator seeded by `names`: the same names give the same sequence in every run and on every host, and
 * different names give different sequences. It is sfc32 by Chris Doty-Humphrey (PractRand), seeded with 96 bits of the
 * SHA-256 of the names. A package would have to be a production dependency, because this also runs where only those are
 * installed.
 */
export function randomOf(...names: readonly (string | number)[]): Random {
  const digest = createHash('sha256').update(JSON.stringify(names)).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = 1;
  return () => {
    const drawn = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return (drawn >>> 0) / 0x1_0000_0000;
  };
}

/** A whole number from 0 (inclusive) to `bound` (exclusive). */
export function below(bound: number, random: Random): number {
  return Math.floor(random() * bound);
}

/** One of `items`, which must not be empty. */
export function oneOf<Item>(items: readonly Item[], random: Random): Item {
  return items[below(items.length, random)] as Item;
}
