import type { Build } from '../../application/ports/build.ts';

/** Replaced by the bundler. */
declare const MESSENGER_BUILD: Build | undefined;

/** The build of this bundle. */
export const build: Build =
  typeof MESSENGER_BUILD === 'undefined' ? { version: 'unknown', commit: null } : MESSENGER_BUILD;
