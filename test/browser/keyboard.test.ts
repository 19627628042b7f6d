import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, createGroup, leaveGroup, openTab, sendTo, talk, write } from './people.ts';
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

/** The name of the element that has the focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(
    `(({ activeElement: { ariaLabel, textContent, tagName } }) => ariaLabel ?? (tagName === 'BODY' ? 'nothing' : textContent.trim()))(document)`,
  );

/** Opens a conversation of `one` in which they wrote the last message. */
async function openConversation(one: string, content: string): Promise<Page> {
  const id = await talk(service.url, [one, `${one}-friend`], [content]);
  const { page } = await openTab(browser, service.url, `#/${one}/${id}`);
  await bubble(page, content).waitFor();
  return page;
}

async function choose(page: Page, action: 'Edit' | 'Delete'): Promise<void> {
  await page.getByRole('button', { name: 'Message actions' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: action }).press('Enter');
}

describe('the focus', () => {
  test.each(['Enter', 'Escape'])('is in the field after an edit that ends with %s', async (key) => {
    const page = await openConversation(`edit-${key}`, 'Old');
    await choose(page, 'Edit');
    await expect.poll(() => page.evaluate('document.activeElement.value')).toBe('Old');
    await page.keyboard.type(' and new');
    await page.keyboard.press(key);
    await page.getByText('Edit message').waitFor({ state: 'detached' });
    await page.keyboard.type('Next');
    await expect.poll(() => page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('Next');
  });

  test('is in the field after a deletion, and at the message after none', async () => {
    const page = await openConversation('deleter', 'Not for you');
    await choose(page, 'Delete');
    await page.getByRole('button', { name: 'Cancel' }).press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Message actions');
    await choose(page, 'Delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).press('Enter');
    await bubble(page, 'Message deleted').waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Message');
  });

  test('is in the field after Retry and Discard', async () => {
    const page = await openConversation('retrier', 'Before');
    const isSend = /\/messages$/;
    await page.route(isSend, (route) => route.fulfill({ status: 403, body: 'no' }));
    await write(page, 'Refused');
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    // So that the button is gone while it is sent again.
    await page.unroute(isSend);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(isSend, async (route) => {
      await held;
      await route.fulfill({ status: 403, body: 'no' });
    });
    await page.getByRole('button', { name: 'Retry' }).press('Enter');
    await page.locator('.message-pending').waitFor();
    await expect.poll(() => focused(page)).toBe('Message');
    release();
    await page.getByRole('button', { name: 'Discard' }).press('Enter');
    await page.locator('.message-failed').waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Message');
  });

  test('returns to the button of a dialog that closes itself', async () => {
    const page = await openConversation('namer', 'Before');
    await page.getByRole('button', { name: 'Signed in as namer' }).press('Enter');
    await page.getByRole('textbox', { name: 'Your name' }).fill('Nora');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toContain('Nora');
  });

  test('stays in the conversation of a group that one is removed from while one writes', async () => {
    const id = await createGroup(service.url, ['creator', 'removed', 'third'], 'Climbing');
    const { page } = await openTab(browser, service.url, `#/removed/${id}`);
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill('Half a sen');
    await leaveGroup(service.url, id, 'removed');
    await field.waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Messages');
  });

  test('stays on a conversation of the inbox that moves to its top', async () => {
    for (const friend of ['one', 'two', 'three'])
      await talk(service.url, ['mover', friend], [`From ${friend}`]);
    const { page } = await openTab(browser, service.url);
    // As in browsers that move an element by removing it.
    await page.addInitScript('delete Element.prototype.moveBefore');
    await page.goto(`${service.url}/app#/mover`);
    await page.reload();
    const item = page.locator('.inbox-item', { hasText: 'one' }).last();
    await item.focus();
    await sendTo(service.url, 'one', 'mover', 'News');
    await page.locator('.inbox-item', { hasText: 'News' }).waitFor();
    await expect.poll(() => focused(page)).toContain('News');
  });
});

test('the inbox is one stop of the Tab key, and the arrow keys, Home and End move in it', async () => {
  for (let index = 0; index < 20; index += 1)
    await sendTo(service.url, `peer-${index}`, 'tabber', `Hello ${index}.`);
  const { page } = await openTab(browser, service.url, '#/tabber');
  await page.locator('.inbox-item', { hasText: 'Hello 19.' }).waitFor();
  await page.getByRole('button', { name: 'Signed in as tabber' }).focus();
  const visited: string[] = [];
  const press = async (key: string): Promise<string> => {
    await page.keyboard.press(key);
    visited.push(await focused(page));
    return visited.at(-1)!;
  };
  while (!visited.at(-1)?.includes('Hello')) await press('Tab');
  expect(visited.at(-1)).toContain('Hello 19.');
  expect(await press('ArrowDown')).toContain('Hello 18.');
  expect(await press('End')).toContain('Hello 0.');
  expect(await press('Tab')).not.toContain('Hello');
  expect(await press('Shift+Tab')).toContain('Hello 0.');
  expect(await press('Home')).toContain('Hello 19.');
});

test('the button of the actions is described by the text of its message', async () => {
  const page = await openConversation('describer', 'Which one is it?');
  const [button] = await page
    .getByRole('button', { name: 'Message actions', description: 'Which one is it?' })
    .all();
  expect(button).toBeDefined();
});

test('on a phone, the field has the focus after an edit, so that the keyboard stays', async () => {
  const id = await talk(service.url, ['phoner', 'ben'], ['Old']);
  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
  const { page } = await openTab(browser, service.url, `#/phoner/${id}`, phone);
  await page.getByRole('button', { name: 'Message actions' }).tap();
  await page.getByRole('menuitem', { name: 'Edit' }).tap();
  await write(page, 'New');
  await page.getByText('Edit message').waitFor({ state: 'detached' });
  await expect.poll(() => focused(page)).toBe('Message');
});

describe('a screen reader announces', () => {
  /** The texts that were added to live regions since this call. */
  async function announcementsOf(page: Page): Promise<() => Promise<string[]>> {
    await page.evaluate(`window.heard = [];
      new MutationObserver((records) => {
        for (const { addedNodes, target, type } of records) {
          const region = (target.nodeType === 1 ? target : target.parentElement)?.closest('[role=log], [role=status], [role=alert]');
          if (!region) {
            for (const node of addedNodes) {
              const inner = node.nodeType === 1 && (node.matches('[role=alert]') ? node : node.querySelector('[role=alert]'));
              if (inner) window.heard.push(inner.textContent);
            }
          } else if (type === 'characterData') window.heard.push(target.data);
          else for (const node of addedNodes) window.heard.push(node.textContent);
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true })`);
    return () => page.evaluate('window.heard');
  }

  test('each message of others in the open conversation, also one with the same text again', async () => {
    const page = await openConversation('hearer', 'Before');
    const texts = await announcementsOf(page);
    await sendTo(service.url, 'hearer-friend', 'hearer', 'Ok');
    await expect.poll(texts).toEqual(['hearer-friend: Ok']);
    await sendTo(service.url, 'hearer-friend', 'hearer', 'Ok');
    await expect.poll(texts).toEqual(['hearer-friend: Ok', 'hearer-friend: Ok']);
    await Promise.all([
      sendTo(service.url, 'hearer-friend', 'hearer', 'One'),
      sendTo(service.url, 'hearer-friend', 'hearer', 'Two'),
    ]);
    await expect
      .poll(async () => (await texts()).slice(2).sort())
      .toEqual(['hearer-friend: One', 'hearer-friend: Two']);
  });

  test('the first message of a conversation that was empty, and none of those from before', async () => {
    const id = await talk(service.url, ['empty', 'filler'], []);
    const { page } = await openTab(browser, service.url, `#/empty/${id}`);
    await page.getByText('No messages yet. Write').waitFor();
    const texts = await announcementsOf(page);
    await sendTo(service.url, 'filler', 'empty', 'The first');
    await expect.poll(texts).toContain('filler: The first');
    const second = await openTab(browser, service.url, `#/empty/${id}`);
    await bubble(second.page, 'The first').waitFor();
    await expect.poll(() => second.page.getByRole('log').innerText()).toBe('');
  });

  test('that a message was not sent, and why', async () => {
    const page = await openConversation('failing', 'Before');
    const texts = await announcementsOf(page);
    await page.route(/\/messages$/, (route) => route.fulfill({ status: 403, body: 'no' }));
    await write(page, 'Refused');
    await expect.poll(async () => (await texts()).join()).toContain('Not sent: HTTP status 403');
  });

  test('that the members of a group have changed, in its dialog', async () => {
    const id = await createGroup(service.url, ['chair', 'guest', 'third'], 'Board');
    const { page } = await openTab(browser, service.url, `#/chair/${id}`);
    await page.getByRole('button', { name: 'Members of the group' }).press('Enter');
    await page.getByRole('button', { name: 'Remove guest' }).waitFor();
    const texts = await announcementsOf(page);
    await page.getByRole('button', { name: 'Remove guest' }).press('Enter');
    await expect.poll(async () => (await texts()).join()).toContain('2');
    await page.getByRole('button', { name: 'Remove guest' }).waitFor({ state: 'detached' });
    // Further keys go to the dialog.
    expect(await page.evaluate('document.querySelector("dialog").contains(document.activeElement)')).toBe(
      true,
    );
  });
});
