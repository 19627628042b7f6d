import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';
import { bundleWeb } from '../../scripts/web/bundle.ts';

/** Slightly above the current size, so that growth is noticed. */
const MAX_KB_COMPRESSED = 40;

test('the web client is smaller than the limit, complete, and names no other host', async () => {
  const files = await bundleWeb(projectFolder);
  expect([...files.keys()].sort()).toEqual(['icon.svg', 'index.html', 'main.css', 'main.js']);
  const compressed = [...files.values()].reduce((sum, contents) => sum + gzipSync(contents).length, 0);
  expect(compressed / 1000).toBeLessThan(MAX_KB_COMPRESSED);
  for (const [name, contents] of files) {
    const hosts = new TextDecoder().decode(contents).match(/https?:\/\/[\w.-]+/g) ?? [];
    // Names of XML namespaces, which nothing requests.
    expect(
      hosts.filter((host) => host !== 'http://www.w3.org'),
      name,
    ).toEqual([]);
  }
});
