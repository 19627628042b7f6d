import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import {
  bubble,
  createGroup,
  joinGroup,
  leaveGroup,
  nameUser,
  openTab,
  renameGroup,
  sendToGroup,
  shownTexts,
  talk,
  write,
} from './people.ts';
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
const openMembers = (page: Page) => page.getByRole('button', { name: 'Members of the group' }).click();
const closeDialog = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
};

test('three people create a group, write in it, rename it, add somebody, and leave', async () => {
  for (const [id, name] of [
    ['ada', 'Ada Okafor'],
    ['ben', 'Ben Winter'],
    ['cleo', 'Cleo Martin'],
    ['dora', 'Dora Lind'],
  ] as const) {
    await nameUser(service.url, id, name);
  }
  await talk(service.url, ['ada', 'ben'], ['Hello, Ben']);
  const ada = await openTab(browser, service.url, '#/ada');
  const ben = await openTab(browser, service.url, '#/ben');
  const cleo = await openTab(browser, service.url, '#/cleo');
  await inboxItem(ada.page, 'Ben Winter').waitFor();
  await cleo.page.getByText('No conversations yet').waitFor();

  // Ada creates it: Ben is known, and Cleo has an id.
  await ada.page.getByRole('button', { name: 'New conversation' }).first().click();
  await ada.page.getByRole('button', { name: 'New group' }).click();
  const create = ada.page.getByRole('button', { name: 'Create group' });
  await ada.page.getByRole('textbox', { name: 'Name of the group' }).fill('Climbing');
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Ben Winter' }).click();
  await expect.poll(() => create.isDisabled()).toBe(true);
  await ada.page.getByRole('textbox', { name: 'Members' }).fill('cleo');
  await ada.page.keyboard.press('Enter');
  await create.click();
  await ada.page.getByRole('heading', { name: 'Climbing' }).waitFor();
  await ada.page.getByText('3 members').waitFor();

  // It is in the inboxes of the others, who write in it.
  for (const { page } of [ben, cleo]) await inboxItem(page, 'Climbing').click();
  await write(ben.page, 'Who has the rope?');
  await write(cleo.page, 'I have.');
  for (const { page } of [ada, ben, cleo]) {
    await bubble(page, 'Who has the rope?').waitFor();
    await bubble(page, 'I have.').waitFor();
  }
  await ada.page.locator('.message-sender', { hasText: 'Ben Winter' }).waitFor();
  await ada.page.locator('.message-sender', { hasText: 'Cleo Martin' }).waitFor();
  await inboxItem(ada.page, 'Cleo Martin: I have.').waitFor();

  // Any member renames it and adds somebody.
  await openMembers(ben.page);
  await ben.page.getByRole('textbox', { name: 'Name of the group' }).fill('Climbing on Sunday');
  await ben.page.getByRole('button', { name: 'Rename' }).click();
  for (const { page } of [ada, ben, cleo]) {
    await page.getByRole('heading', { name: 'Climbing on Sunday' }).waitFor();
    await inboxItem(page, 'Climbing on Sunday').waitFor();
  }
  await expect.poll(() => ben.page.getByRole('button', { name: 'Remove' }).count()).toBe(0);
  await ben.page.getByRole('textbox', { name: 'Add a member' }).fill('dora');
  await ben.page.getByRole('button', { name: 'Add', exact: true }).click();
  await ben.page.getByRole('dialog').getByText('Dora Lind').waitFor();
  await closeDialog(ben.page);
  await ada.page.getByText('4 members').waitFor();

  // The creator removes somebody.
  await openMembers(ada.page);
  await ada.page.getByRole('button', { name: 'Remove Dora Lind' }).click();
  await ada.page.getByRole('heading', { name: 'Members (3)' }).waitFor();
  await closeDialog(ada.page);

  // Cleo leaves: the messages stay, and there is no field to write in.
  await openMembers(cleo.page);
  await cleo.page.getByRole('button', { name: 'Leave the group' }).click();
  await cleo.page.getByRole('button', { name: 'Leave', exact: true }).click();
  await cleo.page.getByText('You are no longer a member of this group').waitFor();
  await expect.poll(() => cleo.page.getByRole('textbox', { name: 'Message' }).count()).toBe(0);
  await expect.poll(() => bubble(cleo.page, 'I have.').count()).toBe(1);
  await inboxItem(cleo.page, 'You are no longer a member').waitFor();
  await ada.page.getByText('2 members').waitFor();
  await write(ada.page, 'See you on Sunday, Ben');
  await bubble(ben.page, 'See you on Sunday, Ben').waitFor();
  await expect.poll(() => bubble(cleo.page, 'See you on Sunday').count()).toBe(0);

  // After a reload, too.
  await cleo.page.reload();
  await cleo.page.getByText('You are no longer a member of this group').waitFor();
  await inboxItem(cleo.page, 'You are no longer a member').waitFor();

  // And Ben adds her again.
  await openMembers(ben.page);
  await ben.page.getByRole('textbox', { name: 'Add a member' }).fill('cleo');
  await ben.page.getByRole('button', { name: 'Add', exact: true }).click();
  await cleo.page.getByRole('textbox', { name: 'Message' }).waitFor();
  await write(cleo.page, 'Here again');
  await bubble(ada.page, 'Here again').waitFor();
  expect([...ada.pageErrors, ...ben.pageErrors, ...cleo.pageErrors]).toEqual([]);
});

test('one who is removed while looking, with unsent messages, and is added again', async () => {
  const id = await createGroup(service.url, ['hal', 'ira', 'jo'], 'Choir');
  await sendToGroup(service.url, id, 'hal', 'Welcome');
  const { page, pageErrors } = await openTab(browser, service.url, `#/ira/${id}`);
  await bubble(page, 'Welcome').waitFor();
  // The send arrives after the removal.
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/messages$/, async (route) => {
    await held;
    await route.continue();
  });
  await write(page, 'On its way');
  await page.getByRole('textbox', { name: 'Message' }).fill('A draft');
  await openMembers(page);
  await leaveGroup(service.url, id, 'ira');
  await page.getByRole('heading', { name: 'Members (2)' }).waitFor();
  // All that a member may do is gone from the dialog.
  await expect.poll(() => page.getByRole('dialog').getByRole('textbox').count()).toBe(0);
  await closeDialog(page);
  await page.getByText('You are no longer a member of this group').waitFor();
  release();
  await page.getByText('Not sent').waitFor();
  await sendToGroup(service.url, id, 'hal', 'Not for Ira');
  await page.reload();
  await page.getByText('You are no longer a member of this group').waitFor();
  await page.getByText('Not sent').waitFor();
  await expect.poll(() => shownTexts(page)).toEqual(['Welcome', 'On its way']);

  await joinGroup(service.url, id, 'ira');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await sendToGroup(service.url, id, 'jo', 'Here again');
  await bubble(page, 'Here again').waitFor();
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.locator('.message:not(.message-failed, .message-pending)', { hasText: 'On its way' }).waitFor();
  expect((await shownTexts(page)).slice(-2)).toEqual(['Here again', 'On its way']);
  await page.reload();
  await bubble(page, 'On its way').waitFor();
  expect((await shownTexts(page)).slice(-2)).toEqual(['Here again', 'On its way']);
  expect(pageErrors).toEqual([]);
});

test('a group that is renamed elsewhere has the new name in its open dialog, unless the user types another', async () => {
  const id = await createGroup(service.url, ['kay', 'leo', 'mo'], 'First name');
  const { page } = await openTab(browser, service.url, `#/kay/${id}`);
  await openMembers(page);
  const field = page.getByRole('textbox', { name: 'Name of the group' });
  await expect.poll(() => field.inputValue()).toBe('First name');
  await renameGroup(service.url, id, 'Second name');
  await expect.poll(() => field.inputValue()).toBe('Second name');
  await field.fill('Third na');
  await renameGroup(service.url, id, 'Name of another');
  await page.locator('h2', { hasText: 'Name of another' }).waitFor();
  await expect.poll(() => field.inputValue()).toBe('Third na');
  await field.fill('Third name');
  await field.press('Enter');
  await page.locator('h2', { hasText: 'Third name' }).waitFor();
});

test('a group of 256 without a name is shown, and one more member is refused with the reason', async () => {
  const members = Array.from({ length: 256 }, (_, index) => `member-${index}`);
  const id = await createGroup(service.url, members);
  await sendToGroup(service.url, id, 'member-9', 'Hello, all');
  const { page, pageErrors } = await openTab(browser, service.url, `#/member-0/${id}`);
  await bubble(page, 'Hello, all').waitFor();
  await page.getByText('256 members').waitFor();
  await page.getByRole('heading', { name: /^member-\d+, member-\d+, member-\d+ and 252 others$/ }).waitFor();
  await inboxItem(page, 'Group').waitFor();
  await page.getByText('This is the beginning of the group.').waitFor();
  await openMembers(page);
  await page.getByRole('heading', { name: 'Members (256)' }).waitFor();
  await page.getByRole('textbox', { name: 'Add a member' }).fill('one-more');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'The group was not changed. ' }).waitFor();
  await expect.poll(() => page.getByRole('alert').innerText()).toContain('256');
  // The name that was typed is still there.
  await expect.poll(() => page.getByRole('textbox', { name: 'Add a member' }).inputValue()).toBe('one-more');
  expect(pageErrors).toEqual([]);
});

test('a change of a group without a response does not claim that nothing was changed', async () => {
  const id = await createGroup(service.url, ['nia', 'oli', 'pat'], 'Old name');
  const { page } = await openTab(browser, service.url, `#/nia/${id}`);
  await openMembers(page);
  const field = page.getByRole('textbox', { name: 'Name of the group' });
  await field.fill('New name');
  await page.route(/\/api\/conversations\/[^/]+$/, async (route) => {
    if (route.request().method() !== 'PATCH') return route.continue();
    await route.fetch();
    return route.abort();
  });
  await field.press('Enter');
  await page.getByText('It is not certain whether the group was changed.').waitFor();
  await page.locator('h2', { hasText: 'New name' }).waitFor();
});
