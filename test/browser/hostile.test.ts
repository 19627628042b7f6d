import type { Browser, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { tokenOf } from '../http/guarded-app.ts';
import { registerSecret } from '../support/log-leak-guard.ts';
import { bubble, nameUser, openTab, sendTo, shownTexts, talk, write } from './people.ts';
import { startService, type Service } from './service.ts';

let browser: Browser;
let service: Service;
beforeAll(async () => {
  [browser, service] = await Promise.all([launchChromium(), startService()]);
});
afterEach(() => closeWindows(browser));
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const problemOf = (status: number, code: string) => ({
  status,
  contentType: 'application/problem+json',
  body: JSON.stringify({
    type: `urn:problem:messenger:${code}`,
    title: 'Refused',
    status,
    detail: 'It is refused.',
    instance: 'urn:messenger:request:1',
  }),
});

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `message ${index}`);

/** Opens the web client after `script` has run in the page. */
async function openAfter(script: string, path: string) {
  const tab = await openTab(browser, service.url);
  await tab.page.addInitScript(script);
  await tab.page.goto(`${service.url}/app${path}`);
  await tab.page.reload();
  return tab;
}

describe('a storage', () => {
  test('that the browser forbids is not needed', async () => {
    const id = await talk(service.url, ['abe', 'ben'], ['Before']);
    const { page, pageErrors } = await openAfter(
      `for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } });`,
      `#/abe/${id}`,
    );
    await bubble(page, 'Before').waitFor();
    await write(page, 'Without a storage');
    await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
    expect(pageErrors).toEqual([]);
  });

  test('that is shared by two windows sends what both have once', async () => {
    const id = await talk(service.url, ['cal', 'ben'], ['Before']);
    const { page } = await openTab(browser, service.url, `#/cal/${id}`);
    await bubble(page, 'Before').waitFor();
    const context = page.context();
    const isSend = (url: URL): boolean => url.pathname.endsWith('/messages');
    const hold = (route: Route) => (route.request().method() === 'POST' ? route.abort() : route.continue());
    await context.route(isSend, hold);
    await write(page, 'Once');
    await page.locator('.message-pending').waitFor();
    const second = await context.newPage();
    await second.goto(`${service.url}/app#/cal/${id}`);
    await second.locator('.message-pending').waitFor();
    await context.unroute(isSend);
    for (const tab of [page, second]) {
      await tab.locator('.message-pending').waitFor({ state: 'detached' });
      await expect.poll(() => bubble(tab, 'Once').count()).toBe(1);
    }
    const history = await fetch(`${service.url}/api/messages/conversation/${id}`);
    expect(((await history.json()) as { data: unknown[] }).data).toHaveLength(2);
  });
});

describe('a page that cannot be loaded', () => {
  const failing = (route: Route) => route.fulfill(problemOf(500, 'internal'));

  test('of older messages is shown, and loaded on request', async () => {
    const id = await talk(service.url, ['dan', 'ben'], texts(100));
    const { page } = await openTab(browser, service.url);
    const isOlder = (url: URL): boolean =>
      url.pathname.includes('/messages/') && url.searchParams.has('cursor');
    await page.route(isOlder, failing);
    await page.goto(`${service.url}/app#/dan/${id}`);
    await bubble(page, 'message 99').waitFor();
    await page.locator('.messages').evaluate((box) => (box.scrollTop = 0));
    await page.getByText('Older messages could not be loaded.').waitFor();
    const shown = await page.locator('.message').count();
    await page.unroute(isOlder);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Older messages could not be loaded.').waitFor({ state: 'detached' });
    await expect.poll(() => page.locator('.message').count()).toBeGreaterThan(shown);
  });

  test('of conversations is shown, and loaded on request', async () => {
    for (let index = 0; index < 40; index += 1)
      await sendTo(service.url, `peer-${index}`, 'eli', `Hello ${index}`);
    const { page } = await openTab(browser, service.url, '#/eli');
    await page.locator('.inbox-item', { hasText: 'Hello 39' }).waitFor();
    const isFurther = (url: URL): boolean =>
      url.searchParams.has('cursor') && url.pathname.includes('/conversations/');
    await page.route(isFurther, failing);
    await page.locator('.inbox').evaluate((box) => (box.scrollTop = box.scrollHeight));
    await page.getByText('More conversations could not be loaded.').waitFor();
    await page.unroute(isFurther);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => page.locator('.inbox-item').count()).toBe(40);
  });
});

test('a message that arrives late, while its conversation is seen, does not stay unread', async () => {
  const id = await talk(service.url, ['fin', 'ben'], texts(3));
  const { page } = await openTab(browser, service.url);
  await page.route(/events\/user/, (route) => route.abort());
  await page.goto(`${service.url}/app#/fin/${id}`);
  await page.reload();
  await bubble(page, 'message 2').waitFor();
  await sendTo(service.url, 'ben', 'fin', 'in time');
  const stream = (body: string) =>
    page.route(/events\/user/, (route) => route.fulfill({ contentType: 'text/event-stream', body }));
  await stream('id: c0\n\n');
  await bubble(page, 'in time').waitFor();
  const listed = await fetch(`${service.url}/api/messages/conversation/${id}?limit=1`);
  const message = ((await listed.json()) as { data: Record<string, string>[] }).data[0]!;
  // Its event has an id of its own, above all others; the message is above those that are shown.
  const event = {
    id: `f${message['id']!.slice(1)}`,
    type: 'message.created',
    timestamp: message['created_at'],
    data: { ...message, id: `00${message['id']!.slice(2)}`, content: 'late' },
  };
  const marks: string[] = [];
  await page.route(/\/read$/, (route) => {
    marks.push((route.request().postDataJSON() as { up_to: string }).up_to);
    return route.fulfill({
      contentType: 'application/json',
      body: JSON.stringify({ conversation_id: id, user_id: 'fin', read_up_to: event.id }),
    });
  });
  await stream(`id: c1\nevent: message.created\ndata: ${JSON.stringify(event)}\n\n`);
  await bubble(page, 'late').waitFor();
  await expect.poll(() => marks).toContain(event.id);
});

test('a text that is too long is not cut: it is kept, and cannot be sent', async () => {
  const id = await talk(service.url, ['gus', 'ben'], ['Before']);
  const { page } = await openTab(browser, service.url, `#/gus/${id}`);
  await bubble(page, 'Before').waitFor();
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.fill('x'.repeat(21_234));
  await page.getByText('1,234 characters too long to send').waitFor();
  expect((await field.inputValue()).length).toBe(21_234);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
  await expect.poll(() => page.locator('.message').count()).toBe(1);
  // The service counts characters, not the units of JavaScript.
  await field.fill('🙂'.repeat(20_000));
  await page.keyboard.press('Enter');
  await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
});

test('the names of days follow the clock, also where nothing happens', async () => {
  const id = await talk(service.url, ['leo', 'ben'], ['Before']);
  const { page } = await openTab(browser, service.url);
  await page.clock.install();
  await page.goto(`${service.url}/app#/leo/${id}`);
  await page.reload();
  await page.getByRole('heading', { name: 'Today' }).waitFor();
  // As on a computer that slept: timers fire late, and once.
  await page.clock.fastForward('24:00:00');
  await page.getByRole('heading', { name: 'Yesterday' }).waitFor();
  await sendTo(service.url, 'ben', 'leo', 'After the sleep');
  await bubble(page, 'After the sleep').waitFor();
});

test('a draft belongs to one user, also where another one uses the same window', async () => {
  const id = await talk(service.url, ['hal', 'ivy'], ['Before']);
  const { page } = await openTab(browser, service.url, `#/hal/${id}`);
  await bubble(page, 'Before').waitFor();
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.fill('Not for Ivy');
  await page.goto(`${service.url}/app#/ivy/${id}`);
  await page.getByRole('button', { name: 'Signed in as ivy' }).waitFor();
  await bubble(page, 'Before').waitFor();
  await expect.poll(() => field.inputValue()).toBe('');
  await page.goto(`${service.url}/app#/hal/${id}`);
  await page.getByRole('button', { name: 'Signed in as hal' }).waitFor();
  await expect.poll(() => field.inputValue()).toBe('Not for Ivy');
});

test('an address without a valid user leads to the choice of one', async () => {
  const { page, pageErrors } = await openTab(browser, service.url, '#/two%20words');
  await page.getByRole('heading', { name: 'Choose a user' }).waitFor();
  expect(pageErrors).toEqual([]);
});

test('the name of another person does not change the direction of the text around it', async () => {
  await nameUser(service.url, 'rlo', '\u202Egnp.exe');
  const id = await talk(service.url, ['jon', 'rlo'], []);
  const { page } = await openTab(browser, service.url, `#/jon/${id}`);
  const name = page.locator('.message-list-start bdi');
  // Until the name is loaded, the id is shown.
  await expect.poll(() => name.innerText()).toContain('gnp.exe');
});

test('events are rendered at most every 50 ms', async () => {
  const id = await talk(service.url, ['kim', 'ben'], ['Before']);
  const { page } = await openTab(browser, service.url, `#/kim/${id}`);
  await bubble(page, 'Before').waitFor();
  await page.evaluate(`window.renderings = 0;
    window.begun = performance.now();
    new MutationObserver(() => { window.renderings += 1; })
      .observe(document.querySelector('.inbox'), { subtree: true, childList: true, characterData: true })`);
  const all = Array.from({ length: 200 }, (_, index) => sendTo(service.url, 'lou', 'kim', `burst ${index}`));
  await Promise.all(all);
  await page
    .locator('.inbox-item', { hasText: /^.*lou/ })
    .locator('.badge', { hasText: '99+' })
    .waitFor();
  const [renderings, milliseconds] = await page.evaluate<[number, number]>(
    '[window.renderings, performance.now() - window.begun]',
  );
  // A timer may fire a little early.
  expect(renderings).toBeLessThan(milliseconds / 40 + 5);
});

test('a response that is lost does not repeat the message', async () => {
  const id = await talk(service.url, ['mo', 'ben'], ['Before']);
  const { page } = await openTab(browser, service.url, `#/mo/${id}`);
  await bubble(page, 'Before').waitFor();
  let lost = 0;
  await page.route(/messages$/, async (route) => {
    if (route.request().method() !== 'POST' || lost === 2) return route.continue();
    lost += 1;
    await route.fetch();
    return route.abort();
  });
  await write(page, 'Once');
  await write(page, 'Twice');
  await expect.poll(() => lost).toBe(2);
  await expect.poll(() => page.locator('.message-pending').count()).toBe(0);
  await expect.poll(() => shownTexts(page)).toEqual(['Before', 'Once', 'Twice']);
});

test('conversations that load out of order are not mixed', async () => {
  const one = await talk(service.url, ['ned', 'ben'], ['in one']);
  const two = await talk(service.url, ['ned', 'cleo'], ['in two']);
  const { page } = await openTab(browser, service.url, '#/ned');
  const held: (() => void)[] = [];
  await page.route(/messages\/conversation/, async (route) => {
    if (route.request().url().includes(one)) await new Promise<void>((resolve) => held.push(resolve));
    await route.continue();
  });
  await page.locator('.inbox-item', { hasText: 'in one' }).click();
  await expect.poll(() => held.length).toBeGreaterThan(0);
  await page.locator('.inbox-item', { hasText: 'in two' }).click();
  await bubble(page, 'in two').waitFor();
  await page.locator('.inbox-item', { hasText: 'in one' }).click();
  await expect.poll(() => held.length).toBeGreaterThan(1);
  await page.locator('.inbox-item', { hasText: 'in two' }).click();
  await bubble(page, 'in two').waitFor();
  for (const release of held) release();
  await write(page, 'more in two');
  await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
  await expect.poll(() => shownTexts(page)).toEqual(['in two', 'more in two']);
  expect(new URL(page.url()).hash).toContain(two);
});

test('a conversation that receives while it is opened and paged shows all of its messages once', async () => {
  const id = await talk(service.url, ['oli', 'ben'], texts(80));
  const { page } = await openTab(browser, service.url, '#/oli');
  await page.locator('.inbox-item').first().waitFor();
  const sending = (async () => {
    for (let index = 80; index < 200; index += 1) await sendTo(service.url, 'ben', 'oli', `message ${index}`);
  })();
  await page.goto(`${service.url}/app#/oli/${id}`);
  for (let turn = 0; turn < 5; turn += 1) {
    await page.locator('.messages').evaluate((box) => (box.scrollTop = 0));
    await page.locator('.inbox-item').first().click();
  }
  await sending;
  await expect
    .poll(async () => {
      await page.locator('.messages').evaluate((box) => (box.scrollTop = 0));
      return shownTexts(page);
    })
    .toEqual(texts(200));
});

test('success pages of a proxy count as failures, and the rest follows when they end', async () => {
  const id = await talk(service.url, ['pat', 'ben'], ['Before']);
  const { page, pageErrors } = await openTab(browser, service.url);
  await page.route('**/api/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<h1>Sign in</h1>' }),
  );
  await page.goto(`${service.url}/app#/pat/${id}`);
  await page.reload();
  await page.getByText('Your conversations could not be loaded').waitFor();
  await page.getByText('The messages could not be loaded').waitFor();
  await page.locator('.connection-banner', { hasText: 'No connection.' }).waitFor();
  await page.unrouteAll();
  await bubble(page, 'Before').waitFor();
  await page.locator('.inbox-item', { hasText: 'Before' }).waitFor();
  expect(pageErrors).toEqual([]);
});

test.each([-26, -5, 5, 26])('with a clock that is %d hours off, messages keep their order', async (hours) => {
  const me = `clock${hours}`;
  const id = await talk(service.url, [me, 'ben'], ['First']);
  const { page, pageErrors } = await openAfter(
    `{ const { now } = Date; const off = ${hours} * 3_600_000; const Original = Date;
      window.Date = class extends Original {
        constructor(...parts) { if (parts.length > 0) super(...parts); else super(now() + off); }
        static now() { return now() + off; }
      }; }`,
    `#/${me}/${id}`,
  );
  await bubble(page, 'First').waitFor();
  await write(page, 'Second');
  await page.locator('.message:not(.message-pending)', { hasText: 'Second' }).waitFor();
  await sendTo(service.url, 'ben', me, 'Third');
  await bubble(page, 'Third').waitFor();
  await page.context().setOffline(true);
  await write(page, 'Fourth');
  await page.locator('.message-pending').waitFor();
  await expect.poll(() => shownTexts(page)).toEqual(['First', 'Second', 'Third', 'Fourth']);
  await page.context().setOffline(false);
  await page.locator('.message-pending').waitFor({ state: 'detached' });
  await expect.poll(() => shownTexts(page)).toEqual(['First', 'Second', 'Third', 'Fourth']);
  expect(pageErrors).toEqual([]);
});

test('under a path, with authentication, everything stays below the path', async () => {
  const below = await startService({ needsToken: true, publicPath: '/chat' });
  try {
    const page = await browser.newPage();
    const outside: string[] = [];
    const pageErrors: string[] = [];
    page.on('console', (message) => {
      // Users without a name are a 404.
      if (message.type() === 'error' && !message.text().includes('404')) pageErrors.push(message.text());
    });
    // A proxy that removes the path.
    await page.route('**/*', (route) => {
      const url = new URL(route.request().url());
      if (!url.pathname.startsWith('/chat/')) outside.push(url.pathname);
      url.pathname = url.pathname.replace('/chat/', '/');
      return route.continue({ url: url.href });
    });
    await page.goto(`${below.url}/chat/app`);
    const token = await tokenOf({ sub: 'ada' });
    registerSecret(token);
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('No conversations yet').waitFor();
    await page.locator('.sidebar').getByRole('button', { name: 'New conversation' }).last().click();
    await page.getByRole('textbox', { name: 'Who do you want to write to?' }).fill('ben');
    await page.keyboard.press('Enter');
    await page.locator('.message-list-start').waitFor();
    await write(page, 'Below');
    await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
    expect(outside).toEqual([]);
    expect(pageErrors).toEqual([]);
  } finally {
    await below.stop();
  }
});

test('nine windows of one browser load and send, of which one is seen', async () => {
  const context = await browser.newContext();
  // Without a screen, all windows count as seen. Here, one is hidden when another one is opened.
  await context.addInitScript(`
    let state = 'visible';
    Object.defineProperty(document, 'visibilityState', { get: () => state });
    window.hide = () => { state = 'hidden'; document.dispatchEvent(new Event('visibilitychange')); };`);
  for (let index = 0; index < 9; index += 1) {
    const id = await talk(service.url, [`window-${index}`, 'ben'], ['Before']);
    const page = await context.newPage();
    await page.goto(`${service.url}/app#/window-${index}/${id}`);
    await bubble(page, 'Before').waitFor();
    await write(page, 'Sent');
    await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
    await page.evaluate('hide()');
  }
});
