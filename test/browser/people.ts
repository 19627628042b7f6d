import { expect } from 'vitest';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

/** Requests of tests to a service, without a browser. */
export async function sendTo(
  url: string,
  senderId: string,
  receiverId: string,
  content: string,
): Promise<void> {
  await request(url, 'POST', '/api/messages', { sender_id: senderId, receiver_id: receiverId, content });
}

export async function nameUser(url: string, userId: string, username: string): Promise<void> {
  await request(url, 'PUT', `/api/users/${userId}`, { username });
}

/** Sends messages with these contents, in this order, and returns the id of the conversation. */
export async function talk(
  url: string,
  userIds: readonly [string, string],
  contents: readonly string[],
): Promise<string> {
  const body = { participant_ids: userIds };
  const { id } = (await request(url, 'POST', '/api/conversations', body)) as { id: string };
  for (const [index, content] of contents.entries()) {
    const [one, other] = index % 3 === 0 ? userIds : ([userIds[1], userIds[0]] as const);
    await sendTo(url, one, other, content);
  }
  return id;
}

/** A new group that the first user creates. Returns its id. */
export async function createGroup(url: string, userIds: readonly string[], name?: string): Promise<string> {
  const body = { participant_ids: userIds, creator_id: userIds[0], name };
  return ((await request(url, 'POST', '/api/conversations', body)) as { id: string }).id;
}

/** Sends a message to a group. Returns its id. */
export async function sendToGroup(
  url: string,
  groupId: string,
  senderId: string,
  content: string,
): Promise<string> {
  const body = { sender_id: senderId, content };
  return ((await request(url, 'POST', `/api/conversations/${groupId}/messages`, body)) as { id: string }).id;
}

/** Edits a message; deletes it if `content` is null. */
export async function changeMessage(
  url: string,
  conversationId: string,
  messageId: string,
  content: string | null,
): Promise<void> {
  const path = `/api/conversations/${conversationId}/messages/${messageId}`;
  if (content === null) await request(url, 'DELETE', path);
  else await request(url, 'PATCH', path, { content });
}

export async function leaveGroup(url: string, groupId: string, userId: string): Promise<void> {
  await request(url, 'DELETE', `/api/conversations/${groupId}/participants/${userId}`);
}

export async function joinGroup(url: string, groupId: string, userId: string): Promise<void> {
  await request(url, 'PUT', `/api/conversations/${groupId}/participants/${userId}`);
}

export async function renameGroup(url: string, groupId: string, name: string): Promise<void> {
  await request(url, 'PATCH', `/api/conversations/${groupId}`, { name });
}

async function request(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.ok, text).toBe(true);
  return text === '' ? null : JSON.parse(text);
}

/** A page, and what went wrong in it. */
export interface Tab {
  readonly page: Page;
  /** Errors of scripts, violations of the policy, and requests to other hosts. */
  readonly pageErrors: readonly string[];
}

/** Opens a tab in a window of its own, at `path` of the web client. */
export async function openTab(
  browser: Browser,
  url: string,
  path = '',
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    ...options,
  });
  // A busy machine may be slow.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const pageErrors: string[] = [];
  page.on('pageerror', (error) => pageErrors.push(error.stack ?? error.message));
  page.on('console', (message) => {
    const text = message.text();
    // Requests that fail on purpose are logged, too.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) pageErrors.push(text);
  });
  page.on('request', (asked) => {
    if (new URL(asked.url()).origin !== url) pageErrors.push(`a request to ${asked.url()}`);
  });
  await page.goto(`${url}/app${path}`);
  return { page, pageErrors };
}

/** Writes a message in the open conversation, and sends it with Enter. */
export async function write(page: Page, content: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(content);
  await page.keyboard.press('Enter');
}

/** The bubble with this text. */
export const bubble = (page: Page, text: string) => page.locator('.bubble', { hasText: text });

export const hasFocus = (element: Locator): Promise<boolean> =>
  element.evaluate((found) => found.matches(':focus'));

/** The texts of all messages that are shown, oldest first. */
export const shownTexts = (page: Page): Promise<string[]> =>
  page
    .locator('.bubble')
    .evaluateAll((bubbles) => bubbles.map(({ lastChild }) => lastChild?.textContent ?? ''));
