import { existsSync } from 'node:fs';
import process from 'node:process';
import { chromium, type Browser } from 'playwright-core';

/** The Chromium of this host: that of `CHROMIUM`, or of Debian. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Why there is no Chromium, as a sentence for people; null if there is one. */
export function chromiumMissing(): string | null {
  return existsSync(CHROMIUM)
    ? null
    : `Chromium is required, and ${CHROMIUM} does not exist: install the package chromium, or set CHROMIUM to its path.`;
}

/** Closes all windows. Requests to which a test responds may still be on their way. */
export async function closeWindows(browser: Browser): Promise<void> {
  for (const context of browser.contexts()) {
    const routed = [context, ...context.pages()];
    await Promise.all(routed.map((each) => each.unrouteAll({ behavior: 'ignoreErrors' })));
    await context.close();
  }
}

export function launchChromium(): Promise<Browser> {
  // The sandbox does not work for root, nor in most containers. Tests load only pages of this project.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
