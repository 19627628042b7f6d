import { build } from 'esbuild';
import { expect, test } from 'vitest';
import type { CheckResult } from '../client/checks.ts';
import { launchChromium } from './chromium.ts';
import { openTab } from './people.ts';
import { startService } from './service.ts';

test('the typed client passes its checks in a browser', async () => {
  const [browser, service, bundle] = await Promise.all([
    launchChromium(),
    startService(),
    build({
      entryPoints: ['test/client/harness.ts'],
      bundle: true,
      format: 'esm',
      write: false,
      logLevel: 'warning',
    }),
  ]);
  try {
    const { page } = await openTab(browser, service.url);
    // It has no imports and exports, but awaits.
    await page.evaluate(`(async () => { ${bundle.outputFiles[0]!.text} })()`);
    const results = await page.evaluate<CheckResult[]>('runClientChecks({ baseUrl: location.origin })');
    expect(results.length).toBeGreaterThan(5);
    expect(results.filter(({ error }) => error !== null)).toEqual([]);
  } finally {
    await browser.close();
    await service.stop();
  }
});
