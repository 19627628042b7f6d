import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../http/guarded-app.ts';
import { registerSecret } from '../support/log-leak-guard.ts';
import { closeWindows, launchChromium } from './chromium.ts';
import {
  bubble,
  changeMessage,
  createGroup,
  leaveGroup,
  nameUser,
  openTab,
  sendTo,
  sendToGroup,
  talk,
  write,
  type Tab,
} from './people.ts';
import { startService, type Service } from './service.ts';

let browser: Browser;
let service: Service;
let conversationId: string;
let groupId: string;
let leftId: string;
beforeAll(async () => {
  [browser, service] = await Promise.all([launchChromium(), startService()]);
  await nameUser(service.url, 'ada', 'Ada Okafor');
  await nameUser(service.url, 'ben', 'Ben Winter');
  await nameUser(service.url, '1', 'Noor Haddad');
  conversationId = await talk(service.url, ['ada', 'ben'], CONTENTS);
  await talk(service.url, ['ada', 'cleo'], ['👍🏽', 'A second one, unread']);
  groupId = await createGroup(service.url, ['ada', 'ben', 'cleo'], 'Climbing on Sundays');
  await sendToGroup(service.url, groupId, 'ben', 'Who has the rope?');
  const slip = await sendToGroup(service.url, groupId, 'ben', 'Not for you');
  await sendToGroup(service.url, groupId, 'cleo', 'I have.');
  const edited = await sendToGroup(service.url, groupId, 'ada', 'Then I bring the tee');
  await changeMessage(service.url, groupId, slip, null);
  await changeMessage(service.url, groupId, edited, 'Then I bring the tea');
  leftId = await createGroup(service.url, ['ben', 'ada', 'cleo'], 'Book club');
  await sendToGroup(service.url, leftId, 'ben', 'The next one is short');
  await leaveGroup(service.url, leftId, 'ada');
});
afterEach(() => closeWindows(browser));
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const CONTENTS = [
  'Shall we meet at noon?',
  'At noon I am on a train. The early one is cheaper but leaves at six, the late one has a change in the middle of nowhere.',
  'One o’clock, then',
  'https://example.com/tickets?seats=2&row=K#plan',
  '🎉🎉',
  'صباح الخير ☀️',
];

const DESKTOP = { width: 1200, height: 800 };
const PHONE = { width: 360, height: 740 };

/** Looks of the web client: each state is checked in all of them. */
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  desktop: { viewport: DESKTOP },
  dark: { viewport: DESKTOP, colorScheme: 'dark', reducedMotion: 'reduce' },
  phone: { viewport: PHONE, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};

const SHOTS = process.env['SHOTS'];

/** Checks a state: no serious finding of axe-core, and nothing wider than the window. With SHOTS it writes a picture. */
async function check(page: Page, name: string): Promise<void> {
  if (SHOTS !== undefined) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  const found = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => html + failureSummary).join('\n')}`,
    );
  expect(found).toEqual([]);
  const { scrollWidth, innerWidth } = await page.evaluate<{ scrollWidth: number; innerWidth: number }>(
    '({ scrollWidth: document.documentElement.scrollWidth, innerWidth })',
  );
  expect(scrollWidth).toBeLessThanOrEqual(innerWidth);
}

/** All states: what leads to each. */
const STATES: Readonly<
  Record<string, (open: (path: string) => Promise<Page>, look: string) => Promise<Page>>
> = {
  'sign-in': async (open) => {
    const page = await open('');
    await page.getByText('Noor Haddad').waitFor();
    return page;
  },
  inbox: async (open) => {
    const page = await open('#/ada');
    await page.locator('.badge').first().waitFor();
    return page;
  },
  'empty-inbox': async (open) => {
    const page = await open('#/nobody-yet');
    await page.getByText('No conversations yet').waitFor();
    return page;
  },
  conversation: async (open) => {
    const page = await open(`#/ada/${conversationId}`);
    await bubble(page, 'One o’clock, then').waitFor();
    return page;
  },
  'empty-conversation': async (open, look) => {
    const id = await talk(service.url, ['ada', `new-${look}`], []);
    const page = await open(`#/ada/${id}`);
    await page.getByText('No messages yet. Write the first one').waitFor();
    return page;
  },
  'unknown-conversation': async (open) => {
    const page = await open('#/ada/00000000-0000-5000-8000-000000000000');
    await page.getByRole('heading', { name: 'There is no such conversation' }).waitFor();
    return page;
  },
  loading: async (open) => {
    const page = await open('');
    // Requests that never end.
    await page.route('**/api/**', () => undefined);
    await page.goto(`${service.url}/app#/ada/${conversationId}`);
    await page.reload();
    await page.locator('.skeleton:visible').first().waitFor();
    return page;
  },
  failed: async (open) => {
    const page = await open('');
    await page.route('**/api/conversations/**', (route) => route.fulfill({ status: 500, body: 'broken' }));
    await page.goto(`${service.url}/app#/ada`);
    await page.reload();
    await page.getByText('Your conversations could not be loaded').waitFor();
    return page;
  },
  'failed-message': async (open) => {
    const page = await open(`#/ada/${conversationId}`);
    await bubble(page, 'One o’clock, then').waitFor();
    const type = 'urn:problem:messenger:sender-is-another';
    const problem = {
      type,
      title: 'The sender is not the caller',
      status: 403,
      detail: 'No.',
      instance: 'urn:x',
    };
    await page.route(/\/messages$/, (route) =>
      route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify(problem) }),
    );
    await write(page, 'This one is refused');
    await page.locator('.message-failed').waitFor();
    return page;
  },
  offline: async (open) => {
    const page = await open(`#/ada/${conversationId}`);
    await bubble(page, 'One o’clock, then').waitFor();
    await page.context().setOffline(true);
    await write(page, 'Written while offline');
    await page.getByText('No connection.').waitFor();
    await page.locator('.message-pending').waitFor();
    return page;
  },
  group: async (open) => {
    const page = await open(`#/ada/${groupId}`);
    await bubble(page, 'Then I bring the tea').waitFor();
    return page;
  },
  'left-group': async (open) => {
    const page = await open(`#/ada/${leftId}`);
    await page.getByText('You are no longer a member of this group').waitFor();
    return page;
  },
  'message-menu': async (open) => {
    const page = await open(`#/ada/${groupId}`);
    await bubble(page, 'Then I bring the tea').waitFor();
    await page.getByRole('button', { name: 'Message actions' }).click();
    await page.getByRole('menu').waitFor();
    return page;
  },
  'message-editor': async (open) => {
    const page = await open(`#/ada/${groupId}`);
    await bubble(page, 'Then I bring the tea').waitFor();
    await page.getByRole('button', { name: 'Message actions' }).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await page.getByText('Edit message').waitFor();
    return page;
  },
  'delete-message': async (open) => {
    const page = await open(`#/ada/${groupId}`);
    await bubble(page, 'Then I bring the tea').waitFor();
    await page.getByRole('button', { name: 'Message actions' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor();
    return page;
  },
  'group-members': async (open) => {
    const page = await open(`#/ada/${groupId}`);
    await page.getByRole('button', { name: 'Members of the group' }).click();
    await page.getByRole('button', { name: 'Leave the group' }).click();
    await page.getByRole('dialog').getByText('Ben Winter').waitFor();
    return page;
  },
  'new-group': async (open) => {
    const page = await open('#/ada');
    await page.locator('.inbox-item', { hasText: 'Ben Winter' }).first().waitFor();
    await page.getByRole('button', { name: 'New conversation' }).first().click();
    await page.getByRole('button', { name: 'New group' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Ben Winter' }).click();
    return page;
  },
  'new-conversation': async (open) => {
    const page = await open('#/ada');
    await page.locator('.inbox-item').first().waitFor();
    await page.getByRole('button', { name: 'New conversation' }).first().click();
    await page.getByRole('dialog').waitFor();
    return page;
  },
  profile: async (open) => {
    const page = await open('#/ada');
    await page.getByRole('button', { name: 'Signed in as Ada Okafor' }).click();
    await page.getByRole('dialog').waitFor();
    return page;
  },
};

describe.each(Object.entries(LOOKS))('%s', (look, options) => {
  const opened: Tab[] = [];
  const open = async (path: string): Promise<Page> => {
    const tab = await openTab(browser, service.url, path, options);
    opened.push(tab);
    return tab.page;
  };

  test.each(Object.entries(STATES))('%s', async (name, reach) => {
    const page = await reach(open, look);
    await check(page, `${look}-${name}`);
    const [tab] = opened.splice(0);
    expect(tab?.pageErrors).toEqual([]);
  });
});

test('the colours follow the system', async () => {
  const { page } = await openTab(browser, service.url, '#/ada', { colorScheme: 'dark' });
  await page.locator('.inbox-item').first().waitFor();
  const background = () =>
    page.evaluate<string>('getComputedStyle(document.querySelector(".messenger")).backgroundColor');
  await expect.poll(background).toBe('rgb(23, 25, 29)');
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(background).toBe('rgb(255, 255, 255)');
});

describe('on a phone', () => {
  test('the inbox and the conversation are shown one at a time, and Back returns', async () => {
    const { page } = await openTab(browser, service.url, '#/ada', LOOKS['phone']);
    const item = page.locator('.inbox-item', { hasText: 'Ben Winter' });
    await item.tap();
    await bubble(page, 'One o’clock, then').waitFor();
    await expect.poll(() => item.isVisible()).toBe(false);
    // Its keyboard would cover the messages.
    await expect.poll(() => page.evaluate('document.activeElement === document.body')).toBe(true);
    await page.getByRole('link', { name: 'Back to all conversations' }).tap();
    await item.waitFor();
    await item.tap();
    await bubble(page, 'One o’clock, then').waitFor();
    await page.goBack();
    await item.waitFor();
    await expect.poll(() => bubble(page, 'One o’clock, then').isVisible()).toBe(false);
  });
});

describe('with the keyboard alone', () => {
  test('one opens a conversation, writes, and starts another one', async () => {
    await talk(service.url, ['dora', 'ben'], ['Older']);
    await talk(service.url, ['dora', 'cleo'], ['Newer']);
    const { page } = await openTab(browser, service.url, '#/dora');
    await page.locator('.inbox-item', { hasText: 'Ben Winter' }).waitFor();
    const focused = () => page.evaluate<string>('document.activeElement.textContent');
    await page.locator('.inbox-item').first().focus();
    await page.keyboard.press('ArrowDown');
    const second = await focused();
    expect(second).toContain('Ben Winter');
    await page.keyboard.press('ArrowUp');
    await expect.poll(focused).not.toBe(second);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await bubble(page, 'Older').waitFor();
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Enter');
    await bubble(page, 'By keyboard').waitFor();

    await page.getByRole('button', { name: 'New conversation' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // The focus returns to where it was.
    const label = () => page.evaluate<string>('document.activeElement.getAttribute("aria-label")');
    await expect.poll(label).toBe('New conversation');
  });
});

describe('with authentication', () => {
  let guarded: Service;
  beforeAll(async () => {
    guarded = await startService({ needsToken: true });
  });
  afterAll(() => guarded.stop());

  const enter = async (page: Page, token: string): Promise<void> => {
    registerSecret(token);
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('button', { name: 'Continue' }).click();
  };

  test('one pastes a token, and a reload keeps it', async () => {
    const { page, pageErrors } = await openTab(browser, guarded.url);
    await page.getByText('npm run token').waitFor();
    await check(page, 'desktop-sign-in-with-token');
    await page.getByRole('textbox', { name: 'Token' }).fill('not a token');
    await page.getByText('This is not a token').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Continue' }).isDisabled()).toBe(true);
    await enter(page, await tokenOf({ sub: 'ada' }));
    await page.getByText('No conversations yet').waitFor();
    await expect.poll(() => new URL(page.url()).hash).toBe('#/ada');
    await page.reload();
    await page.getByText('No conversations yet').waitFor();
    // The address of somebody else leads to one's own inbox.
    await page.goto(`${guarded.url}/app#/ben`);
    await page.getByText('No conversations yet').waitFor();
    await expect.poll(() => new URL(page.url()).hash).toBe('#/ada');
    expect(pageErrors).toEqual([]);

    await page.getByRole('button', { name: 'Signed in as ada' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('textbox', { name: 'Token' }).waitFor();
    await page.reload();
    await page.getByRole('textbox', { name: 'Token' }).waitFor();
  });

  test('a token that expires during use leads to another one, and nothing that was written is lost', async () => {
    const expiring = await startService({ needsToken: true });
    try {
      const { page } = await openTab(browser, expiring.url);
      await enter(page, await tokenOf({ sub: 'ada' }));
      await page.getByRole('button', { name: 'New conversation' }).last().click();
      await page.getByRole('textbox', { name: 'Who do you want to write to?' }).fill('ben');
      await page.keyboard.press('Enter');
      await page.locator('.message-list-start').waitFor();
      await write(page, 'Before');
      await page.locator('.message-state', { hasText: 'Sent' }).waitFor();
      await page.locator('.message').hover();
      await page.getByRole('button', { name: 'Message actions' }).click();
      await page.getByRole('menuitem', { name: 'Edit' }).click();
      await page.getByRole('textbox', { name: 'Message' }).fill('Before, half chan');

      // From now on the token is refused; a stream ends when its token expires.
      const problem = {
        type: 'urn:problem:messenger:token-not-accepted',
        title: 'The token is invalid',
        status: 401,
        detail: 'It has expired.',
      };
      await page.route('**/api/**', (route) =>
        route.fulfill({
          status: 401,
          contentType: 'application/problem+json',
          body: JSON.stringify(problem),
        }),
      );
      await expiring.stop();
      await expiring.start();
      await page.getByRole('alert').filter({ hasText: 'It has expired.' }).waitFor();
      await page.unrouteAll();
      await enter(page, await tokenOf({ sub: 'ada' }));
      await page.getByText('Edit message').waitFor();
      const field = page.getByRole('textbox', { name: 'Message' });
      await expect.poll(() => field.inputValue()).toBe('Before, half chan');
      await write(page, 'Before, changed');
      await bubble(page, 'Before, changed').waitFor();

      // A new message is kept in the outbox.
      await page.route('**/api/**', (route) =>
        route.fulfill({
          status: 401,
          contentType: 'application/problem+json',
          body: JSON.stringify(problem),
        }),
      );
      await page.getByRole('button', { name: 'Send' }).waitFor();
      await write(page, 'While it expires');
      await expiring.stop();
      await expiring.start();
      await page.getByRole('alert').filter({ hasText: 'It has expired.' }).waitFor();
      await page.unrouteAll();
      await enter(page, await tokenOf({ sub: 'ada' }));
      await page
        .locator('.message:not(.message-pending, .message-failed)', { hasText: 'While it expires' })
        .waitFor();
    } finally {
      await expiring.stop();
    }
  });

  test('a token that is not accepted leads back, with the reason', async () => {
    const { page } = await openTab(browser, guarded.url);
    await enter(page, await tokenOf({ sub: 'ada' }, 'another secret, also with thirty-two bytes or more'));
    await page.getByRole('alert').filter({ hasText: 'The token is invalid.' }).waitFor();
    await enter(page, await tokenOf({ sub: 'ada' }));
    await page.getByText('No conversations yet').waitFor();
  });
});

test('people of the test data can be picked, and two windows show both sides', async () => {
  await nameUser(service.url, '2', 'Tom Berg');
  const { page } = await openTab(browser, service.url);
  await page.getByRole('button', { name: 'Noor Haddad' }).click();
  await page.getByText('No conversations yet').waitFor();
  await page.getByRole('button', { name: 'Signed in as Noor Haddad' }).click();
  const [second] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'Second window as another user' }).click(),
  ]);
  await second.getByRole('button', { name: 'Tom Berg' }).click();
  await second.getByText('No conversations yet').waitFor();
  await sendTo(service.url, '1', '2', 'Both sides');
  for (const window of [page, second])
    await window.locator('.inbox-item', { hasText: 'Both sides' }).waitFor();
});
