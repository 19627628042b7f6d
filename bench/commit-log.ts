import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The bytes that a node has written to its commit log: all mutations with headers and checksums. Segments are
 * preallocated with zeros and filled from the beginning.
 */
export function commitLogBytes(folder: string): number {
  return readdirSync(folder)
    .filter((name) => name.startsWith('CommitLog-'))
    .reduce((sum, name) => sum + usedOf(readFileSync(join(folder, name))), 0);
}

/** The length of `segment` without trailing zeros. */
export function usedOf(segment: Buffer): number {
  let end = segment.length;
  while (end > 0 && segment[end - 1] === 0) end -= 1;
  return end;
}
