import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, changeMessage, hasFocus, openTab, talk, write } from './people.ts';
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

/** Opens the menu of a message of the user. */
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
    await expect.poll(() => field.inputValue()).toBe('Noon on Fridey?');
    await expect.poll(() => hasFocus(field)).toBe(true);
    await expect.poll(() => mine.page.locator('.message-in-editor').innerText()).toContain('Fridey');
    await write(mine.page, 'Noon on Friday?');
    for (const { page } of [mine, theirs]) {
      await messageWith(page, 'Noon on Friday?').getByText('Edited').waitFor();
      await expect.poll(() => bubble(page, 'Fridey').count()).toBe(0);
    }
    // The composer is back, and empty.
    await mine.page.getByRole('button', { name: 'Send' }).waitFor();
    await expect.poll(() => field.inputValue()).toBe('');
    expect([...mine.pageErrors, ...theirs.pageErrors]).toEqual([]);
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
    await expect.poll(() => field.inputValue()).toBe('A draft');
    await expect.poll(() => bubble(mine.page, 'As it was').count()).toBe(1);
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
    // The receipt is that of the last message that is still there.
    await messageWith(emil.page, 'Before')
      .getByText(/Sent|Seen/)
      .waitFor();
    expect(
      await messageWith(emil.page, 'Message deleted')
        .getByText(/Sent|Seen/)
        .count(),
    ).toBe(0);
    await emil.page.getByRole('dialog').waitFor({ state: 'detached' });
    await item.getByText('Message deleted').waitFor();
    await expect.poll(() => item.locator('.badge').innerText()).toMatch(/^1\b/);
    await item.click();
    await bubble(fay.page, 'Message deleted').waitFor();
    for (const { page } of [emil, fay]) await expect.poll(() => bubble(page, 'wrong person').count()).toBe(0);
    // A deleted message has no menu, and neither has that of another.
    await emil.page.reload();
    await bubble(emil.page, 'Message deleted').waitFor();
    const menus = (page: Page) => page.getByRole('button', { name: 'Message actions' }).count();
    expect([await menus(emil.page), await menus(fay.page)]).toEqual([1, 0]);
    expect([...emil.pageErrors, ...fay.pageErrors]).toEqual([]);
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
    await expect.poll(focused).toBe('Delete');
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
    await expect.poll(() => mine.page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('New');
  });
});

/** Opens the editor of a message of the user, and changes its text without saving it. */
async function beginEdit(page: Page, from: string, to: string): Promise<void> {
  await openMenu(page, from);
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  await page.getByText('Edit message').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).fill(to);
}

/** The id of the last message of a conversation. */
async function lastMessage(conversationId: string): Promise<string> {
  const response = await fetch(`${service.url}/api/messages/conversation/${conversationId}?limit=1`);
  return ((await response.json()) as { data: { id: string }[] }).data[0]!.id;
}

describe('an edit', () => {
  test('of a message that is deleted elsewhere says so, keeps the text, and cannot be saved', async () => {
    const id = await talk(service.url, ['mia', 'noa'], ['Old']);
    const { page } = await openTab(browser, service.url, `#/mia/${id}`);
    await beginEdit(page, 'Old', 'New, with much thought');
    await changeMessage(service.url, id, await lastMessage(id), null);
    await page.getByRole('alert').filter({ hasText: 'The message was deleted' }).waitFor();
    const field = page.getByRole('textbox', { name: 'Message' });
    await expect.poll(() => field.inputValue()).toBe('New, with much thought');
    await expect.poll(() => page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await field.press('Escape');
    await page.getByText('Edit message').waitFor({ state: 'detached' });
  });

  test('ends when one deletes the message oneself', async () => {
    const id = await talk(service.url, ['oda', 'pia'], ['Old']);
    const { page } = await openTab(browser, service.url, `#/oda/${id}`);
    await beginEdit(page, 'Old', 'New');
    await openMenu(page, 'Old');
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await bubble(page, 'Message deleted').waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor();
  });

  test('that is not saved is still there after another conversation', async () => {
    const id = await talk(service.url, ['quin', 'rob'], ['Old']);
    await talk(service.url, ['quin', 'sue'], ['Elsewhere']);
    const { page } = await openTab(browser, service.url, `#/quin/${id}`);
    await beginEdit(page, 'Old', 'Half a sen');
    const field = page.getByRole('textbox', { name: 'Message' });
    await page.locator('.inbox-item', { hasText: 'Elsewhere' }).click();
    await bubble(page, 'Elsewhere').waitFor();
    await expect.poll(() => field.inputValue()).toBe('');
    await page.goBack();
    await page.getByText('Edit message').waitFor();
    await expect.poll(() => field.inputValue()).toBe('Half a sen');
    await write(page, 'A whole sentence');
    await bubble(page, 'A whole sentence').waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor();
  });

  test('without a response does not claim that nothing was changed, and is saved with the next try', async () => {
    const id = await talk(service.url, ['tom', 'uma'], ['Old']);
    const { page } = await openTab(browser, service.url, `#/tom/${id}`);
    await beginEdit(page, 'Old', 'New');
    const isChange = /\/messages\/[^/]+$/;
    await page.route(isChange, (route) => route.abort());
    await page.getByRole('button', { name: 'Save' }).click();
    const problem = page
      .getByRole('alert')
      .filter({ hasText: 'It is not certain whether the message was changed.' });
    await problem.waitFor();
    await expect.poll(() => page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('New');
    await page.unroute(isChange);
    await page.getByRole('button', { name: 'Save' }).click();
    await messageWith(page, 'New').getByText('Edited').waitFor();
    await problem.waitFor({ state: 'detached' });
  });

  test('that is on its way does not end the edit of another message', async () => {
    const id = await talk(service.url, ['vic', 'wes'], ['First', 'Theirs', 'Theirs too', 'Second']);
    const { page } = await openTab(browser, service.url, `#/vic/${id}`);
    await beginEdit(page, 'First', 'First, better');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/\/messages\/[^/]+$/, async (route) => {
      await held;
      await route.continue();
    });
    await page.keyboard.press('Enter');
    await beginEdit(page, 'Second', 'Second, bet');
    release();
    await bubble(page, 'First, better').waitFor();
    const field = page.getByRole('textbox', { name: 'Message' });
    // A round trip, after which a field that closes would have closed.
    await page.getByRole('button', { name: 'Save' }).waitFor();
    await expect.poll(() => field.inputValue()).toBe('Second, bet');
    await write(page, 'Second, better');
    await bubble(page, 'Second, better').waitFor();
  });

  test('in two windows of one user ends the same in both, and after a reload', async () => {
    const id = await talk(service.url, ['xia', 'yan'], ['Old']);
    const one = await openTab(browser, service.url, `#/xia/${id}`);
    const two = await openTab(browser, service.url, `#/xia/${id}`);
    await beginEdit(one.page, 'Old', 'From one');
    await beginEdit(two.page, 'Old', 'From two');
    await one.page.keyboard.press('Enter');
    await bubble(two.page, 'From one').waitFor();
    // The field of the second one is as it was.
    await two.page.keyboard.press('Enter');
    for (const { page } of [one, two]) {
      await bubble(page, 'From two').waitFor();
      await page.reload();
      await bubble(page, 'From two').waitFor();
      await expect.poll(() => page.locator('.bubble').count()).toBe(1);
    }
    expect([...one.pageErrors, ...two.pageErrors]).toEqual([]);
  });

  test('that was made offline is not lost', async () => {
    const id = await talk(service.url, ['zac', 'abi'], ['Old']);
    const { page } = await openTab(browser, service.url, `#/zac/${id}`);
    await beginEdit(page, 'Old', 'Written in a tunnel');
    await page.context().setOffline(true);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'It is not certain' }).waitFor();
    await page.context().setOffline(false);
    await page.locator('.connection-banner:empty').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Save' }).click();
    await messageWith(page, 'Written in a tunnel').getByText('Edited').waitFor();
  });
});

test('a message that is pending has no actions, and has them when it is sent', async () => {
  const id = await talk(service.url, ['dov', 'eli'], []);
  const { page } = await openTab(browser, service.url, `#/dov/${id}`);
  await page.getByText('No messages yet. Write').waitFor();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/messages$/, async (route) => {
    await held;
    await route.continue();
  });
  await write(page, 'On its way');
  await page.locator('.message-pending').waitFor();
  const button = page.getByRole('button', { name: 'Message actions' });
  await expect.poll(() => button.count()).toBe(0);
  release();
  await button.waitFor({ state: 'attached' });
  await beginEdit(page, 'On its way', 'Arrived');
  await page.keyboard.press('Enter');
  await bubble(page, 'Arrived').waitFor();
  await expect.poll(() => page.locator('.message').count()).toBe(1);
});

test('a deletion whose response is lost has succeeded with the next try', async () => {
  const id = await talk(service.url, ['bea', 'cal'], ['Old']);
  const { page } = await openTab(browser, service.url, `#/bea/${id}`);
  await bubble(page, 'Old').waitFor();
  let lost = 0;
  await page.route(/\/messages\/[^/]+$/, async (route) => {
    if (route.request().method() === 'DELETE') await route.fetch();
    lost += 1;
    return route.abort();
  });
  await openMenu(page, 'Old');
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  const remove = page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true });
  await remove.click();
  await page.getByText('It is not certain whether the message was deleted.').waitFor();
  expect(lost).toBeGreaterThan(0);
  await page.unrouteAll();
  await remove.click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await bubble(page, 'Message deleted').waitFor();
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
