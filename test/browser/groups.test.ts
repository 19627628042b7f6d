import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, nameUser, openTab, talk, write } from './people.ts';
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
  expect(await create.isDisabled()).toBe(true);
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
  expect(await ben.page.getByRole('button', { name: 'Remove' }).count()).toBe(0);
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
  await cleo.page.getByText('You are not a member of this group any more').waitFor();
  expect(await cleo.page.getByRole('textbox', { name: 'Message' }).count()).toBe(0);
  expect(await bubble(cleo.page, 'I have.').count()).toBe(1);
  await inboxItem(cleo.page, 'You are not a member any more').waitFor();
  await ada.page.getByText('2 members').waitFor();
  await write(ada.page, 'See you on Sunday, Ben');
  await bubble(ben.page, 'See you on Sunday, Ben').waitFor();
  expect(await bubble(cleo.page, 'See you on Sunday').count()).toBe(0);

  // After a reload, too.
  await cleo.page.reload();
  await cleo.page.getByText('You are not a member of this group any more').waitFor();
  await inboxItem(cleo.page, 'You are not a member any more').waitFor();

  // And Ben adds her again.
  await openMembers(ben.page);
  await ben.page.getByRole('textbox', { name: 'Add a member' }).fill('cleo');
  await ben.page.getByRole('button', { name: 'Add', exact: true }).click();
  await cleo.page.getByRole('textbox', { name: 'Message' }).waitFor();
  await write(cleo.page, 'Here again');
  await bubble(ada.page, 'Here again').waitFor();
  expect([...ada.flaws, ...ben.flaws, ...cleo.flaws]).toEqual([]);
});
