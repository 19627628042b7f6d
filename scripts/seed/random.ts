import { createHash } from 'node:crypto';

/** A number from 0 up to, and never, 1. */
export type Random = () => number;

/**
 * The chance that `names` stand for: in every run and on every host the same, and unlike that of other names.
 * It is sfc32 by Chris Doty-Humphrey (PractRand), begun with 96 bits of the names' SHA-256. A package would have
 * to be a production dependency: this also runs where nothing else is installed.
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

/** A whole number from 0 up to, and never, `bound`. */
export function below(bound: number, random: Random): number {
  return Math.floor(random() * bound);
}

/** One of `items`, which are not none. */
export function oneOf<Item>(items: readonly Item[], random: Random): Item {
  return items[below(items.length, random)] as Item;
}
