import type { Build } from '../../application/ports/build.ts';

/** Put in its place by whoever makes the bundle. */
declare const MESSENGER_BUILD: Build | undefined;

/** What this is a bundle of. */
export const build: Build =
  typeof MESSENGER_BUILD === 'undefined' ? { version: 'unknown', commit: null } : MESSENGER_BUILD;
