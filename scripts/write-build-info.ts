import { writeFileSync } from 'node:fs';
import { buildHere } from './build-here.ts';

/* The last step of `npm run build`: writes version and commit to dist/build.json, for /version and the log. */
writeFileSync('dist/build.json', `${JSON.stringify(buildHere())}\n`);
