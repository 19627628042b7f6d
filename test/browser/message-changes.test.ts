import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, hasFocus, openTab, talk, write } from './people.ts';
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

const messageWith = (page: Page, text: string) => page.locator('.message', { hasText: text });

/** Opens the menu of one's own message. */
async function openMenu(page: Page, text: string): Promise<void> {
  await messageWith(page, text).hover();
  await messageWith(page, text).getByRole('button', { name: 'Message actions' }).click();
  await page.getByRole('menu').waitFor();
}

/** Two pages of a new conversation in which the first user wrote the first message. */
async function openBoth(one: string, other: string, contents: readonly string[]) {
  const id = await talk(service.url, [one, other], contents);
  const mine = await openTab(browser, service.url, `#/${one}/${id}`);
  const theirs = await openTab(browser, service.url, `#/${other}/${id}`);
  for (const { page } of [mine, theirs]) await bubble(page, contents.at(-1)!).waitFor();
  return { mine, theirs };
}

describe('one’s own message', () => {
  test('is edited, and the other sees it, with a mark', async () => {
    const { mine, theirs } = await openBoth('ada', 'ben', ['Noon on Fridey?', 'Yes']);
    await openMenu(mine.page, 'Fridey');
    await mine.page.getByRole('menuitem', { name: 'Edit' }).click();
    const field = mine.page.getByRole('textbox', { name: 'Message' });
    expect(await field.inputValue()).toBe('Noon on Fridey?');
    await expect.poll(() => hasFocus(field)).toBe(true);
    await write(mine.page, 'Noon on Friday?');
    for (const { page } of [mine, theirs]) {
      await messageWith(page, 'Noon on Friday?').getByText('Edited').waitFor();
      expect(await bubble(page, 'Fridey').count()).toBe(0);
    }
    // The composer is back, and empty.
    await mine.page.getByRole('button', { name: 'Send' }).waitFor();
    expect(await field.inputValue()).toBe('');
    expect([...mine.flaws, ...theirs.flaws]).toEqual([]);
  });

  test('is left as it is with Escape, and the draft of a new message stays', async () => {
    const { mine } = await openBoth('cleo', 'dora', ['As it was']);
    const field = mine.page.getByRole('textbox', { name: 'Message' });
    await field.fill('A draft');
    await openMenu(mine.page, 'As it was');
    await mine.page.getByRole('menuitem', { name: 'Edit' }).click();
    await mine.page.getByText('Edit message').waitFor();
    await field.fill('Something else');
    await mine.page.keyboard.press('Escape');
    await mine.page.getByText('Edit message').waitFor({ state: 'detached' });
    expect(await field.inputValue()).toBe('A draft');
    expect(await bubble(mine.page, 'As it was').count()).toBe(1);
  });

  test('is deleted after a question; the preview and the unread count of the other follow', async () => {
    const id = await talk(service.url, ['emil', 'fay'], ['Before']);
    const emil = await openTab(browser, service.url, `#/emil/${id}`);
    await bubble(emil.page, 'Before').waitFor();
    await write(emil.page, 'To the wrong person');
    const fay = await openTab(browser, service.url, '#/fay');
    const item = fay.page.locator('.inbox-item', { hasText: 'emil' });
    await expect.poll(() => item.locator('.badge').innerText()).toMatch(/^2\b/);

    await openMenu(emil.page, 'wrong person');
    await emil.page.getByRole('menuitem', { name: 'Delete' }).click();
    await emil.page.getByRole('button', { name: 'Cancel' }).click();
    await bubble(emil.page, 'To the wrong person').waitFor();
    await openMenu(emil.page, 'wrong person');
    await emil.page.getByRole('menuitem', { name: 'Delete' }).click();
    await emil.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();

    await bubble(emil.page, 'Message deleted').waitFor();
    await emil.page.getByRole('dialog').waitFor({ state: 'detached' });
    await item.getByText('Message deleted').waitFor();
    await expect.poll(() => item.locator('.badge').innerText()).toMatch(/^1\b/);
    await item.click();
    await bubble(fay.page, 'Message deleted').waitFor();
    for (const { page } of [emil, fay]) expect(await bubble(page, 'wrong person').count()).toBe(0);
    // A deleted message has no menu, and neither has that of another.
    await emil.page.reload();
    await bubble(emil.page, 'Message deleted').waitFor();
    const menus = (page: Page) => page.getByRole('button', { name: 'Message actions' }).count();
    expect([await menus(emil.page), await menus(fay.page)]).toEqual([1, 0]);
    expect([...emil.flaws, ...fay.flaws]).toEqual([]);
  });

  test('is changed with the keyboard alone', async () => {
    const { mine } = await openBoth('gil', 'hana', ['Old']);
    const { page } = mine;
    const button = page.getByRole('button', { name: 'Message actions' });
    await button.focus();
    await page.keyboard.press('Enter');
    const focused = () => page.evaluate<string>('document.activeElement.textContent.trim()');
    await expect.poll(focused).toBe('Edit');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('Delete');
    await page.keyboard.press('Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await expect.poll(() => hasFocus(button)).toBe(true);
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('Edit');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate<string>('document.activeElement.value')).toBe('Old');
    await page.keyboard.type(' and new');
    await page.keyboard.press('Enter');
    await bubble(page, 'Old and new').waitFor();
  });

  test('that cannot be changed says why, and stays in the editor', async () => {
    const { mine } = await openBoth('ida', 'jan', ['Old']);
    await mine.page.route(/\/messages\//, (route) =>
      route.fulfill({
        status: 409,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          type: 'urn:problem:messenger:message-deleted',
          title: 'The message is deleted',
          status: 409,
          detail: 'It was deleted on another device.',
        }),
      }),
    );
    await openMenu(mine.page, 'Old');
    await mine.page.getByRole('menuitem', { name: 'Edit' }).click();
    await write(mine.page, 'New');
    await mine.page.getByText('It was deleted on another device.').waitFor();
    expect(await mine.page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('New');
  });
});

test('on a phone a long press opens the menu', async () => {
  const id = await talk(service.url, ['kai', 'lea'], ['Press me']);
  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
  const { page } = await openTab(browser, service.url, `#/kai/${id}`, phone);
  await bubble(page, 'Press me').waitFor();
  await page.evaluate(
    `document.querySelector('.bubble').dispatchEvent(new PointerEvent('contextmenu', { pointerType: 'touch', bubbles: true }))`,
  );
  await page.getByRole('menuitem', { name: 'Delete' }).waitFor();
  const box = await page.getByRole('menu').boundingBox();
  expect(box!.x).toBeGreaterThanOrEqual(0);
  expect(box!.x + box!.width).toBeLessThanOrEqual(360);
});
