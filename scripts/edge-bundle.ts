import { gzipSync } from 'node:zlib';
import { edgeFolder, writeEdge } from './edge/bundle.ts';

/** `npm run build:edge`: builds what the edge is given, prints its size, and fails where that is out of bounds. */

/** Little above what it is, so that what makes it grow is noticed; hosted platforms take some 3 MB. */
const MOST_KB_COMPRESSED = 500;

const module = await writeEdge();
const kb = (bytes: Uint8Array): number => Math.ceil(bytes.length / 1000);
const compressed = kb(gzipSync(module));
console.log(
  `${edgeFolder}/main.js: ${kb(module)} kB, ${compressed} kB compressed (at most ${MOST_KB_COMPRESSED})`,
);
if (compressed > MOST_KB_COMPRESSED) {
  console.error('The bundle has grown out of its bounds.');
  process.exitCode = 1;
}
