import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWeb } from './web/bundle.ts';

/* A step of `npm run build`: writes the web client to dist/web. */
const folder = join(process.cwd(), 'dist/web');
const files = await bundleWeb(process.cwd());
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, contents] of files) writeFileSync(join(folder, name), contents);
