import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../src/composition/config.ts';

const readme = readFileSync('README.md', 'utf8');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

test('the README lists the settings, as they are', () => {
  // Columns are padded to one width.
  const listed = readme.match(/^\| `[A-Z_]+` +\|.*$/gm)?.map((row) => row.replace(/ +/g, ' '));
  const rows = SETTINGS.map(({ name, byDefault, about }) => {
    const shown = byDefault === null ? '' : `\`${byDefault}\``;
    return `| \`${name}\` | ${shown} | ${about} |`.replace(/ +/g, ' ');
  });
  expect(listed).toEqual(rows);
});

test('the README names no command that is not there', () => {
  const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(scripts).toHaveProperty([name!]);
});
