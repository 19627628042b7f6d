import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import process from 'node:process';
import { chromiumMissing, launchChromium } from '../test/browser/chromium.ts';
import { projectFolder } from './local-cassandra/project.ts';

/** `npm run screenshot`: starts the demo, and writes the picture of the web client that the README shows. */

const PICTURE = join(projectFolder, 'docs/web-client.png');

/** The user whose inbox is shown, and the user with whom the conversation is open. */
const USER_ID = '1';
const OTHER_ID = '7';

/** The messages that are added to the test data, oldest first: sender, receiver, content. */
const MESSAGES: readonly (readonly [string, string, string])[] = [
  ['8', USER_ID, 'Ich habe deinen Schal gefunden 🧣'],
  ['2', USER_ID, '¡Mira esta foto! 📷'],
  ['2', USER_ID, '¿Cenamos el viernes?'],
  [OTHER_ID, USER_ID, 'The car park at the lake is full by nine on Saturdays 🚗'],
  [USER_ID, OTHER_ID, 'Then we leave at seven. I bring the coffee ☕'],
  [OTHER_ID, USER_ID, 'Deal! Zoë wants to come, too. Is there room for a third bike?'],
  [USER_ID, OTHER_ID, 'With the rack, yes'],
  [USER_ID, OTHER_ID, 'I pick it up tonight'],
  [OTHER_ID, USER_ID, '🎉🚲🎉'],
  [OTHER_ID, USER_ID, 'This is the route: https://example.com/routes/lake-loop'],
  [USER_ID, OTHER_ID, '22 kilometres with a swim in the middle? Perfect'],
  [USER_ID, OTHER_ID, 'See you at seven 👋'],
  ['3', USER_ID, '電車が遅れてる、先に始めてて 🙏'],
];

async function request(url: string, method: string, body: object): Promise<Record<string, string>> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${url}: ${await response.text()}`);
  return (await response.json()) as Record<string, string>;
}

/** Sends the messages, and lets the other user read the conversation. Returns its id. */
async function chat(serviceUrl: string): Promise<string> {
  let open: Record<string, string> = {};
  for (const [sender_id, receiver_id, content] of MESSAGES) {
    const body = { sender_id, receiver_id, content };
    const message = await request(`${serviceUrl}/api/messages`, 'POST', body);
    if (receiver_id === OTHER_ID) open = message;
  }
  const { id, conversation_id: conversationId = '' } = open;
  const mark = { user_id: OTHER_ID, up_to: id };
  await request(`${serviceUrl}/api/conversations/${conversationId}/read`, 'PUT', mark);
  return conversationId;
}

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
  const conversationId = await chat(url.replace(/\/app$/, ''));
  const browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: 1080, height: 724 }, locale: 'en-GB' });
  await page.goto(`${url}#/${USER_ID}/${conversationId}`);
  await page.locator('.message-state', { hasText: 'Seen' }).waitFor();
  await page.locator('.inbox-item[aria-current="page"][data-unread="false"]').waitFor();
  // Until its name is loaded, a user is shown by id.
  await page.locator('.inbox-item-title', { hasText: /^\d+$/ }).first().waitFor({ state: 'detached' });
  await page.evaluate('document.fonts.ready');
  await page.screenshot({ path: PICTURE });
  await browser.close();
  console.log(`Wrote ${PICTURE}`);
} finally {
  demo.kill();
}
