import { writeFileSync } from 'node:fs';
import { buildHere } from './build-here.ts';

/* The end of `npm run build`: notes in dist/build.json what was built, for /version and the log. */
writeFileSync('dist/build.json', `${JSON.stringify(buildHere())}\n`);
