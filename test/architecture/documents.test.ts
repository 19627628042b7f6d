import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/composition/config.ts';
import { documents, withoutFences } from '../support/documents.ts';

const read = (file: string): string => readFileSync(file, 'utf8');

test('docs/configuration.md lists the settings as they are', () => {
  // A formatter may pad columns to one width.
  const listed = read('docs/configuration.md')
    .match(/^\| `[A-Z_]+` +\|.*$/gm)
    ?.map((row) => row.replace(/ +/g, ' '));
  const rows = SETTINGS.map(({ name, byDefault, about }) => {
    const shown = byDefault === null ? '' : `\`${byDefault}\``;
    return `| \`${name}\` | ${shown} | ${about} |`.replace(/ +/g, ' ');
  });
  expect(listed).toEqual(rows);
});

test('docs/operations.md lists the alerts', () => {
  const alerts = [...read('ops/alerts.yaml').matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name);
  const rows = read('docs/operations.md').match(/^\| `(?:Messenger|Cassandra)[A-Z].*$/gm) ?? [];
  const listed = rows.flatMap((row) =>
    [...row.split(' | ')[0]!.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(listed).toEqual(alerts);
});

describe('the routes of the OpenAPI document', () => {
  const { paths } = JSON.parse(read('openapi.json')) as { paths: Record<string, object> };
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routesIn = (text: string): readonly string[] =>
    text.match(/(?<=`)(?:GET|POST|PUT|PATCH|DELETE) \/\S*(?=`)/g) ?? [];

  test('and no others are listed in the README', () => {
    // Not part of the document.
    const more = ['GET /app', 'GET /docs', 'GET /metrics'];
    const listed = routesIn(read('README.md'));
    expect(
      routes.filter((route) => !listed.includes(route)),
      'not in README.md',
    ).toEqual([]);
    expect(
      listed.filter((route) => ![...routes, ...more].includes(route)),
      'no such route',
    ).toEqual([]);
  });

  test('are in the changelog, each under the version that added it', () => {
    const missing = routes.filter((route) => !routesIn(read('CHANGELOG.md')).includes(route));
    expect(missing, 'not in CHANGELOG.md').toEqual([]);
  });
});

describe.each(documents())('%s', (file) => {
  const text = read(file);

  test('names only commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test('has no broken link within the repository', () => {
    expect(brokenLinksIn(text, dirname(file))).toEqual([]);
  });

  test('names only paths that exist', () => {
    expect(missingPathsIn(text)).toEqual([]);
  });
});

test('finds a broken link, and a path that does not exist', () => {
  const text =
    '[a](README.md) [b](<gone.md> "title") [c](https://example.com/x) `src/domain` `test/gone.ts` `src/main.*.ts`';
  expect(brokenLinksIn(text, '.')).toEqual(['gone.md']);
  expect(missingPathsIn(text)).toEqual(['test/gone.ts']);
});

function brokenLinksIn(text: string, folder: string): string[] {
  return [...withoutFences(text).matchAll(/\]\(<?([^\s)>]+)/g)]
    .map(([, target]) => target!.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(folder, target)));
}

/** Paths in code spans, from the root of the repository; a file name may contain `*`. */
function missingPathsIn(text: string): string[] {
  return [...withoutFences(text).matchAll(/`([^`]+)`/g)]
    .flatMap(([, span]) => span!.split(/\s+/))
    .filter((word) => /^(?:src|test|cql|docs|bench|ops|k8s|scripts|\.github)\/[\w./*-]*$/.test(word))
    .filter((path) => !(path.includes('*') ? hasMatch(path) : existsSync(path)));
}

function hasMatch(path: string): boolean {
  const name = path.split('/').at(-1)!.replaceAll('.', '\\.').replaceAll('*', '.+');
  return readdirSync(dirname(path)).some((file) => new RegExp(`^${name}$`).test(file));
}
