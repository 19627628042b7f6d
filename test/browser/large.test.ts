import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, openTab, sendTo, talk, write } from './people.ts';
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

/** Opens a page that counts how many times are formatted, which each rendered row does. Pages of lists are larger. */
async function openCounting(path: string): Promise<Page> {
  const { page } = await openTab(browser, service.url);
  await page.addInitScript(`window.formatted = 0;
    const { get } = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, 'format');
    Object.defineProperty(Intl.DateTimeFormat.prototype, 'format', {
      get() { window.formatted += 1; return get.call(this); },
    });`);
  await page.route(/limit=30/, (route) =>
    route.continue({ url: route.request().url().replace('limit=30', 'limit=100') }),
  );
  await page.goto(`${service.url}/app${path}`);
  await page.reload();
  return page;
}

/** How many times are formatted while `act` runs. */
async function formattedDuring(page: Page, act: () => Promise<unknown>): Promise<number> {
  const before = await page.evaluate<number>('window.formatted');
  await act();
  return (await page.evaluate<number>('window.formatted')) - before;
}

test('with many messages loaded, a new one renders few of them again; at the end, older ones are unloaded', async () => {
  const texts = Array.from({ length: 700 }, (_, index) => `message ${index}.`);
  const id = await talk(service.url, ['ada', 'ben'], texts);
  const page = await openCounting(`#/ada/${id}`);
  await bubble(page, 'message 699.').waitFor();
  const rows = page.locator('.message');
  await expect
    .poll(async () => {
      await page.locator('.messages').evaluate((box) => (box.scrollTop = 0));
      return rows.count();
    })
    .toBe(700);
  // The counter counts.
  await expect.poll(() => page.evaluate('window.formatted')).toBeGreaterThan(700);
  const formatted = await formattedDuring(page, async () => {
    await sendTo(service.url, 'ben', 'ada', 'while up');
    await expect.poll(() => rows.count()).toBe(701);
  });
  expect(formatted).toBeLessThan(100);

  await page.getByRole('button', { name: 'Go to the latest message' }).click();
  await expect.poll(() => rows.count()).toBe(100);
  await write(page, 'At the end');
  await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
  const { top, height, all } = await page
    .locator('.messages')
    .evaluate(({ scrollTop, clientHeight, scrollHeight }) => ({
      top: scrollTop,
      height: clientHeight,
      all: scrollHeight,
    }));
  expect(Math.abs(top + height - all)).toBeLessThan(2);
  // They come back.
  await expect
    .poll(async () => {
      await page.locator('.messages').evaluate((box) => (box.scrollTop = 0));
      return rows.count();
    })
    .toBe(702);
});

test('with many conversations loaded, an event renders few of them again', async () => {
  for (let index = 0; index < 300; index += 1)
    await sendTo(service.url, `peer-${index}`, 'cleo', `Hello ${index}.`);
  const page = await openCounting('#/cleo');
  const rows = page.locator('.inbox-item');
  await expect
    .poll(async () => {
      await page.locator('.inbox').evaluate((box) => (box.scrollTop = box.scrollHeight));
      return rows.count();
    })
    .toBe(300);
  await expect.poll(() => page.evaluate('window.formatted')).toBeGreaterThan(300);
  const formatted = await formattedDuring(page, async () => {
    await sendTo(service.url, 'peer-7', 'cleo', 'News');
    await page.locator('li:first-child .inbox-item', { hasText: 'News' }).waitFor({ state: 'attached' });
  });
  expect(formatted).toBeLessThan(100);
});
