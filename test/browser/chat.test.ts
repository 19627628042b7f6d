import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, hasFocus, nameUser, openTab, sendTo, shownTexts, talk, write, type Tab } from './people.ts';
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

const inboxItem = (page: Page, name: string) => page.locator('.inbox-item', { hasText: name });

describe('two people', () => {
  test('chat in two windows: messages, unread badges and receipts arrive live', async () => {
    await nameUser(service.url, 'ada', 'Ada Okafor');
    await nameUser(service.url, 'ben', 'Ben Winter');
    const id = await talk(service.url, ['ada', 'ben'], ['Shall we meet at noon?']);
    const ada = await openTab(browser, service.url, `#/ada/${id}`);
    const ben = await openTab(browser, service.url, '#/ben');

    const item = inboxItem(ben.page, 'Ada Okafor');
    await item.waitFor();
    await expect.poll(() => item.locator('.badge').innerText()).toMatch(/^1\b/);
    await expect.poll(() => item.innerText()).toContain('Shall we meet at noon?');

    await ada.page.getByText('Shall we meet at noon?').first().waitFor();
    await write(ada.page, 'Or rather at one?');
    await item.getByText('Or rather at one?').waitFor();
    await expect.poll(() => item.locator('.badge').innerText()).toMatch(/^2\b/);
    await expect.poll(() => ben.page.title()).toBe('(1) Messenger');
    await ada.page.locator('.message-state', { hasText: 'Sent' }).waitFor();

    await item.click();
    await bubble(ben.page, 'Or rather at one?').waitFor();
    // Seeing the messages marks them as read, here and at the other side.
    await item.locator('.badge').waitFor({ state: 'detached' });
    await ada.page.locator('.message-state', { hasText: 'Seen' }).waitFor();
    await expect.poll(() => ben.page.title()).toBe('Messenger');

    await write(ben.page, 'At one.');
    await bubble(ada.page, 'At one.').waitFor();
    await expect.poll(() => ada.page.getByRole('log').innerText()).toBe('Ben Winter: At one.');
    const texts = ['Shall we meet at noon?', 'Or rather at one?', 'At one.'];
    for (const { page } of [ada, ben]) await expect.poll(() => shownTexts(page)).toEqual(texts);
    expect([...ada.pageErrors, ...ben.pageErrors]).toEqual([]);
  });

  test('start a conversation from an empty inbox', async () => {
    const cleo = await openTab(browser, service.url, '#/cleo');
    const dora = await openTab(browser, service.url, '#/dora');
    for (const { page } of [cleo, dora]) await page.getByText('No conversations yet').waitFor();

    await cleo.page.locator('.sidebar').getByRole('button', { name: 'New conversation' }).last().click();
    const field = cleo.page.getByRole('textbox', { name: 'Who do you want to write to?' });
    await expect.poll(() => hasFocus(field)).toBe(true);
    await field.fill('two words');
    await expect.poll(() => cleo.page.getByRole('button', { name: 'Write' }).isDisabled()).toBe(true);
    await field.fill('dora');
    await cleo.page.keyboard.press('Enter');
    await cleo.page.getByText('No messages yet. Write the first one to dora.').waitFor();
    await write(cleo.page, 'Hello, Dora');

    const item = inboxItem(dora.page, 'cleo');
    await item.getByText('Hello, Dora').waitFor();
    await item.click();
    await bubble(dora.page, 'Hello, Dora').waitFor();
    expect([...cleo.pageErrors, ...dora.pageErrors]).toEqual([]);
  });

  test('see the names that they choose', async () => {
    await talk(service.url, ['emil', 'fay'], ['Hi']);
    const emil = await openTab(browser, service.url, '#/emil');
    await emil.page.getByRole('button', { name: 'Signed in as emil' }).click();
    await emil.page.getByRole('textbox').fill('Emil Berg');
    await emil.page.getByRole('button', { name: 'Save' }).click();
    await emil.page.getByRole('button', { name: 'Signed in as Emil Berg' }).waitFor();
    await expect.poll(() => emil.page.getByRole('dialog').count()).toBe(0);

    const fay = await openTab(browser, service.url, '#/fay');
    await inboxItem(fay.page, 'Emil Berg').waitFor();
    expect([...emil.pageErrors, ...fay.pageErrors]).toEqual([]);
  });
});

test('users whose ids are properties of every object are shown like others', async () => {
  const ids = ['constructor', '__proto__', 'toString'];
  for (const id of ids) await talk(service.url, [id, 'gus'], [`I am ${id}`]);
  const { page, pageErrors } = await openTab(browser, service.url, '#/gus');
  for (const id of ids)
    await inboxItem(page, `I am ${id}`).locator('.inbox-item-title', { hasText: id }).waitFor();
  await page.getByRole('button', { name: 'New conversation' }).first().click();
  await page.getByRole('button', { name: 'constructor' }).waitFor();
  expect(pageErrors).toEqual([]);
});

describe('the connection', () => {
  test('is lost and returns: what was written meanwhile arrives once, in order', async () => {
    const id = await talk(service.url, ['gil', 'hana'], ['Before']);
    const gil = await openTab(browser, service.url, `#/gil/${id}`);
    const hana = await openTab(browser, service.url, `#/hana/${id}`);
    for (const { page } of [gil, hana]) await bubble(page, 'Before').waitFor();

    await gil.page.context().setOffline(true);
    await gil.page.getByText('No connection.').waitFor();
    await write(gil.page, 'First, offline');
    await write(gil.page, 'Second, offline');
    await expect.poll(() => gil.page.locator('.message-pending').count()).toBe(2);
    await write(hana.page, 'Meanwhile');
    await hana.page.locator('.message-state', { hasText: 'Sent' }).waitFor();

    await gil.page.context().setOffline(false);
    await bubble(hana.page, 'Second, offline').waitFor();
    await bubble(gil.page, 'Meanwhile').waitFor();
    await gil.page.locator('.message-pending').first().waitFor({ state: 'detached' });
    await gil.page.getByText('No connection.').waitFor({ state: 'detached' });
    const texts = ['Before', 'Meanwhile', 'First, offline', 'Second, offline'];
    for (const { page } of [gil, hana]) await expect.poll(() => shownTexts(page)).toEqual(texts);
  });

  test('survives a restart of the service', async () => {
    const id = await talk(service.url, ['ida', 'jan'], ['Before']);
    const ida = await openTab(browser, service.url, `#/ida/${id}`);
    const jan = await openTab(browser, service.url, `#/jan/${id}`);
    for (const { page } of [ida, jan]) await bubble(page, 'Before').waitFor();

    await service.stop();
    await ida.page.getByText('No connection.').waitFor();
    await write(ida.page, 'During the restart');
    await ida.page.locator('.message-pending').waitFor();
    await service.start();
    await bubble(jan.page, 'During the restart').waitFor();
    await write(jan.page, 'Afterwards');
    await bubble(ida.page, 'Afterwards').waitFor();
    for (const { page } of [ida, jan]) {
      await expect.poll(() => shownTexts(page)).toEqual(['Before', 'During the restart', 'Afterwards']);
      await page.getByText('No connection.').waitFor({ state: 'detached' });
    }
  });

  test('a reload keeps the unsent messages, and who and where one is', async () => {
    const id = await talk(service.url, ['kai', 'lea'], ['Before']);
    const kai = await openTab(browser, service.url, `#/kai/${id}`);
    await bubble(kai.page, 'Before').waitFor();
    await kai.page.route('**/api/**/messages**', (route) => route.abort());
    await kai.page.route('**/api/messages', (route) => route.abort());
    await write(kai.page, 'Not yet');
    await kai.page.locator('.message-pending', { hasText: 'Not yet' }).waitFor();
    await kai.page.unrouteAll();
    await kai.page.reload();
    await bubble(kai.page, 'Not yet').waitFor();
    await kai.page.locator('.message-state', { hasText: 'Sent' }).waitFor();
    await expect.poll(() => shownTexts(kai.page)).toEqual(['Before', 'Not yet']);
  });
});

describe('a message', () => {
  test('with markup is shown as text', async () => {
    const markup =
      '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script> & <b>bold</b>';
    const id = await talk(service.url, ['mia', 'noa'], [markup]);
    await nameUser(service.url, 'noa', '<i>Noa</i>');
    const mia = await openTab(browser, service.url, `#/mia/${id}`);
    await bubble(mia.page, '<b>bold</b>').waitFor();
    await expect.poll(() => shownTexts(mia.page)).toEqual([markup]);
    await mia.page.getByRole('heading', { name: '<i>Noa</i>' }).waitFor();
    await expect.poll(() => mia.page.locator('.bubble div *').count()).toBe(0);
    await expect.poll(() => mia.page.title()).not.toBe('owned');
    expect(mia.pageErrors).toEqual([]);
  });

  test('that the service refuses is shown as failed, and can be retried or discarded', async () => {
    const id = await talk(service.url, ['ola', 'pia'], ['Before']);
    const ola = await openTab(browser, service.url, `#/ola/${id}`);
    await bubble(ola.page, 'Before').waitFor();
    const problem = {
      type: 'urn:problem:messenger:content-too-long',
      title: 'The content is too long',
      status: 400,
      detail: 'The content is too long.',
      instance: 'urn:messenger:request:1',
    };
    await ola.page.route(/\/api\/.*messages$/, (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({
            status: 400,
            contentType: 'application/problem+json',
            body: JSON.stringify(problem),
          })
        : route.continue(),
    );
    await write(ola.page, 'First');
    await write(ola.page, 'Second');
    const failed = ola.page.locator('.message-failed');
    await expect.poll(() => failed.count()).toBe(2);
    await expect.poll(() => failed.first().innerText()).toContain('Not sent: The content is too long.');

    await ola.page.unrouteAll();
    await failed.last().getByRole('button', { name: 'Discard' }).click();
    await expect.poll(() => failed.count()).toBe(1);
    await failed.getByRole('button', { name: 'Retry' }).click();
    await failed.waitFor({ state: 'detached' });
    await ola.page.locator('.message-state', { hasText: 'Sent' }).waitFor();
    await expect.poll(() => shownTexts(ola.page)).toEqual(['Before', 'First']);
  });

  test('that is finished before the conversation is loaded is sent once it is loaded', async () => {
    const id = await talk(service.url, ['quinn', 'rosa'], ['The first one']);
    const { page, pageErrors } = await openTab(browser, service.url, '#/quinn');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/messages\/conversation/, async (route) => {
      await held;
      await route.continue();
    });
    await inboxItem(page, 'rosa').click();
    await write(page, 'A fast answer');
    // Another text than the one that Enter was pressed for is not sent.
    await write(page, 'A better answer');
    const field = page.getByRole('textbox', { name: 'Message' });
    await expect.poll(() => field.inputValue()).toBe('A better answer');
    release();
    await bubble(page, 'A better answer').waitFor();
    await expect.poll(() => field.inputValue()).toBe('');
    expect(page.url()).toContain(id);
    await expect.poll(() => shownTexts(page)).toEqual(['The first one', 'A better answer']);
    expect(pageErrors).toEqual([]);
  });

  test('is sent by Enter; Shift+Enter starts a new line, and the field grows and shrinks again', async () => {
    const id = await talk(service.url, ['quin', 'rosa'], ['Before']);
    const { page } = await openTab(browser, service.url, `#/quin/${id}`);
    await bubble(page, 'Before').waitFor();
    const field = page.getByRole('textbox', { name: 'Message' });
    const height = () => field.evaluate((element) => element.clientHeight);
    // With a mouse one can write at once.
    await expect.poll(() => hasFocus(field)).toBe(true);
    const oneLine = await height();
    await page.keyboard.press('Enter');
    await page.keyboard.type('One');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('Two');
    await expect.poll(height).toBeGreaterThan(oneLine + 10);
    await page.keyboard.press('Enter');
    await bubble(page, 'Two').waitFor();
    await expect.poll(() => shownTexts(page)).toEqual(['Before', 'One\nTwo']);
    await expect.poll(() => field.inputValue()).toBe('');
    await expect.poll(height).toBe(oneLine);
  });
});

/** Scrolls the messages to a place, and returns the first message in view and its distance from the top of the page. */
const scrollTo = (page: Page, scrollTop: number): Promise<{ key: string; top: number }> =>
  page.locator('.messages').evaluate((box, place) => {
    box.scrollTop = place;
    const top = box.getBoundingClientRect().top;
    const item = [...box.querySelectorAll('.message')].find((one) => one.getBoundingClientRect().top >= top)!;
    return { key: item.getAttribute('data-key')!, top: item.getBoundingClientRect().top };
  }, scrollTop);

/**
 * Waits until no older messages are being loaded: they are loaded where fewer than 900 pixels are above the view. A response
 * that arrives before the browser reports a scroll would move the view.
 */
async function untilLoaded(page: Page, count: number): Promise<void> {
  const messages = page.locator('.messages');
  const isLoaded = async (): Promise<boolean> =>
    (await messages.evaluate((box) => box.scrollTop)) >= 900 ||
    (await page.locator('.message').count()) === count;
  await expect.poll(isLoaded).toBe(true);
}

/** The distance of a message from the top of the page. */
const topOf = (page: Page, key: string): Promise<number> =>
  page.locator(`[data-key="${key}"]`).evaluate((item) => item.getBoundingClientRect().top);

describe('500 messages', () => {
  let tab: Tab;
  const texts = Array.from({ length: 500 }, (_, index) =>
    index % 7 === 0 ? `${index}: ${'a longer message '.repeat(1 + (index % 5) * 4)}end` : `${index}: short`,
  );

  test('are paged up without a jump, and each is shown once', async () => {
    const id = await talk(service.url, ['sam', 'tea'], texts);
    tab = await openTab(browser, service.url, `#/sam/${id}`);
    const { page } = tab;
    await bubble(page, '499: short').waitFor();
    const messages = page.locator('.messages');
    // It opens at the end.
    await expect
      .poll(() => messages.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight))
      .toBeLessThan(2);
    await untilLoaded(page, texts.length);

    const shown = () => page.locator('.message').count();
    for (let count = await shown(); count < texts.length; count = await shown()) {
      // Noted in the frame of the scrolling itself, before older messages arrive.
      const before = await scrollTo(page, 120);
      await expect.poll(shown).toBeGreaterThan(count);
      await untilLoaded(page, texts.length);
      expect(Math.abs((await topOf(page, before.key)) - before.top)).toBeLessThan(1.5);
    }
    await expect.poll(() => shownTexts(page)).toEqual(texts);
    await page.getByText('This is the beginning of your conversation with tea.').waitFor();
    expect(tab.pageErrors).toEqual([]);
  });

  test('stay in place when a message arrives further down', async () => {
    const id = await talk(service.url, ['uma', 'vic'], texts.slice(0, 60));
    const { page } = await openTab(browser, service.url, `#/uma/${id}`);
    await bubble(page, '59: short').waitFor();
    const messages = page.locator('.messages');
    await untilLoaded(page, 60);
    const before = await scrollTo(page, 700);
    await page.getByRole('button', { name: 'Go to the latest message' }).waitFor();
    await sendTo(service.url, 'vic', 'uma', 'Further down');
    await bubble(page, 'Further down').waitFor();
    expect(Math.abs((await topOf(page, before.key)) - before.top)).toBeLessThan(1.5);
    await page.getByRole('button', { name: 'Go to the latest message' }).click();
    await expect
      .poll(() => messages.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight))
      .toBeLessThan(2);
  });

  test('stay where a script or the keyboard scrolled them, also if something is rendered before the scroll event', async () => {
    const id = await talk(service.url, ['wes', 'xia'], texts.slice(0, 61));
    const { page } = await openTab(browser, service.url, `#/wes/${id}`);
    const last = bubble(page, '60: short');
    await last.waitFor();
    await untilLoaded(page, 61);
    await last.hover();
    await page.locator('.message').last().getByRole('button', { name: 'Message actions' }).click();
    // The edit of a message renders the whole conversation, here in the task that scrolls it.
    const edit = page.getByRole('menuitem', { name: 'Edit' });
    await edit.waitFor();
    await edit.evaluate((item) => {
      item.ownerDocument.querySelector('.messages')!.scrollTop = 700;
      (item as unknown as { click(): void }).click();
    });
    await page.getByText('Edit message').waitFor();
    await page.getByRole('button', { name: 'Go to the latest message' }).waitFor();
  });
});
