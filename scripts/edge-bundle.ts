import { gzipSync } from 'node:zlib';
import { edgeFolder, writeEdge } from './edge/bundle.ts';

/** `npm run build:edge`: builds the bundle for workerd, prints its size, and fails if it is too large. */

/** Slightly above the current size, so that growth is noticed. Hosted platforms allow about 3 MB. */
const MAX_KB_COMPRESSED = 500;

const module = await writeEdge();
const kb = (bytes: Uint8Array): number => Math.ceil(bytes.length / 1000);
const compressed = kb(gzipSync(module));
console.log(
  `${edgeFolder}/main.js: ${kb(module)} kB, ${compressed} kB compressed (at most ${MAX_KB_COMPRESSED})`,
);
if (compressed > MAX_KB_COMPRESSED) {
  console.error('The bundle is too large.');
  process.exitCode = 1;
}
