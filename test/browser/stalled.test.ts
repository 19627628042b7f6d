import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { closeWindows, launchChromium } from './chromium.ts';
import { bubble, openTab, sendTo, talk } from './people.ts';
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

/** A proxy in front of the service whose connections can stall: they stay open, and nothing arrives on them any more. */
async function openProxy() {
  const port = Number(new URL(service.url).port);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => [client, upstream].forEach((it) => it.destroy()));
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stall: () => sockets.forEach((socket) => void socket.unpipe().pause()),
    async close() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a stream that stalls without an end is replaced, and what happened meanwhile follows', async () => {
  const proxy = await openProxy();
  try {
    const id = await talk(service.url, ['ada', 'ben'], ['Before']);
    const { page, pageErrors } = await openTab(browser, proxy.url);
    await page.clock.install();
    await page.goto(`${proxy.url}/app#/ada/${id}`);
    await page.reload();
    await bubble(page, 'Before').waitFor();
    await sendTo(service.url, 'ben', 'ada', 'Live');
    await bubble(page, 'Live').waitFor();
    proxy.stall();
    await sendTo(service.url, 'ben', 'ada', 'Meanwhile');
    // Longer than the pause between two heartbeats, three times.
    await page.clock.fastForward(46_000);
    await bubble(page, 'Meanwhile').waitFor();
    await sendTo(service.url, 'ben', 'ada', 'Live again');
    await bubble(page, 'Live again').waitFor();
    expect(pageErrors).toEqual([]);
  } finally {
    await proxy.close();
  }
});
