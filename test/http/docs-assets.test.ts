import assert from 'node:assert/strict';
import { test } from 'vitest';
import { docsAssets } from '../../src/adapters/system/docs-assets.ts';

test('docsAssets finds the files of Swagger UI by name', async () => {
  const style = await docsAssets('swagger-ui.css');
  assert.match(new TextDecoder().decode(style ?? undefined), /\.swagger-ui/);
});

test('docsAssets finds no missing file and none outside the folder', async () => {
  for (const name of ['nothing.js', '../hono/package.json', '/etc/passwd', 'a/../package.json', '..', '']) {
    assert.equal(await docsAssets(name), null, name);
  }
});
