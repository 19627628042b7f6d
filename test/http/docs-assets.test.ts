import assert from 'node:assert/strict';
import { test } from 'vitest';
import { docsAssets } from '../../src/adapters/system/docs-assets.ts';

test('the files of Swagger UI are found by their names', async () => {
  const style = await docsAssets('swagger-ui.css');
  assert.match(new TextDecoder().decode(style ?? undefined), /\.swagger-ui/);
});

test('what is not there, or lies elsewhere, is not found', async () => {
  for (const name of ['nothing.js', '../hono/package.json', '/etc/passwd', 'a/../package.json', '..', '']) {
    assert.equal(await docsAssets(name), null, name);
  }
});
