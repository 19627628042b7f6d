import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import process from 'node:process';
import { chromiumMissing, launchChromium } from '../test/browser/chromium.ts';
import { projectFolder } from './local-cassandra/project.ts';

/** `npm run screenshot`: starts the demo, and writes the picture of the web client that the README shows. */

const PICTURE = join(projectFolder, 'docs/web-client.png');

/** The user whose inbox is shown, and the user whose conversation is open. */
const USER_ID = '1';
const OPEN = 'Chidi Eze';

const missing = chromiumMissing();
if (missing !== null) {
  console.error(missing);
  process.exit(1);
}

const demo = spawn(process.execPath, ['--import', 'tsx', join(projectFolder, 'scripts/demo.ts')], {
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const [sentence] = (await once(createInterface(demo.stdout), 'line')) as [string];
  const [url] = /http\S+\/app/.exec(sentence) ?? [];
  if (url === undefined) throw new Error(`The demo did not start: ${sentence}`);
  const browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: 1080, height: 680 }, locale: 'en-GB' });
  await page.goto(`${url}#/${USER_ID}`);
  await page.locator('.inbox-item', { hasText: OPEN }).click();
  await page.locator('.message').first().waitFor();
  await page.locator('.inbox-item[data-unread="false"]', { hasText: OPEN }).waitFor();
  await page.evaluate('document.fonts.ready');
  await page.screenshot({ path: PICTURE });
  await browser.close();
  console.log(`Wrote ${PICTURE}`);
} finally {
  demo.kill();
}
