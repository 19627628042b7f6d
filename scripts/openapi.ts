import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';
import { EventStreams } from '../src/adapters/http/event-streams.ts';
import { makeMemoryHints } from '../src/adapters/memory/hints.ts';
import { makeMemoryStorage } from '../src/adapters/memory/storage.ts';
import { buildOfThisProcess } from '../src/adapters/system/build.ts';
import { makeClock } from '../src/adapters/system/clock.ts';
import { ALLOW_ALL } from '../src/adapters/http/middleware/access-policy.ts';
import { docsAssets } from '../src/adapters/system/docs-assets.ts';
import { makeMessageIds } from '../src/adapters/system/message-ids.ts';
import { ALWAYS_VERIFIED } from '../src/application/ports/clock-check.ts';
import { NOOP_TELEMETRY } from '../src/application/ports/telemetry.ts';
import { readConfig } from '../src/composition/config.ts';
import { buildContainer } from '../src/composition/container.ts';
import { memoryOptionsOf } from '../src/composition/memory-options.ts';
import { primaryKeyText, tables } from '../test/support/tables.ts';

/*
 * Writes openapi.json, the document that the service serves at /openapi.json; client/src/schema.ts, the types of its
 * schemas; and the list of tables in docs/data-model.md, from the files in cql/. With --check it writes nothing, and fails if a
 * file is out of date.
 */

/** The default settings. */
const config = readConfig({}, () => '');
const clock = makeClock();
const messageIds = makeMessageIds({ clock });
const { resolve } = buildContainer({
  storage: makeMemoryStorage({ clock, messageIds, ...memoryOptionsOf(config) }),
  clock,
  clockCheck: ALWAYS_VERIFIED,
  messageIds,
  telemetry: NOOP_TELEMETRY,
  tracing: null,
  metrics: null,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  pseudonymize: null,
  build: buildOfThisProcess(),
  docsAssets,
  webAssets: null,
  publicPath: '',
  // The document of a service with authentication.
  accessPolicy: { ...ALLOW_ALL, authenticate: () => Promise.reject(new Error('unused')) },
  hints: makeMemoryHints(),
  pollIntervalMs: 15_000,
  visibilityWindow: 12_000_000,
  streams: new EventStreams(),
  requestTimeoutMs: config.requestTimeoutMs,
  maxRequestsInFlight: config.maxRequestsInFlight,
});
const answer = await resolve('app').request('/openapi.json');
const text = await answer.text();
// The client needs the schemas of bodies, not the table of routes.
const document = { ...(JSON.parse(text) as OpenAPI3), paths: {} };
const types = astToString(await openapiTS(document, { exportType: true, immutable: true }));

await update('openapi.json', text, 'json');
await update('client/src/schema.ts', `// Written by \`npm run openapi\`.\n\n${types}`, 'typescript');

const rows = tables().map(
  (table) => `| \`${table.name}\` | \`${primaryKeyText(table)}\` | ${table.question} |\n`,
);
const dataModel = await readFile(new URL('../docs/data-model.md', import.meta.url), 'utf8');
// The rows of the first table of the page.
const [listedRows] = /(?<=\n\| -+ .*\n)(?:\|.*\n)+/.exec(dataModel) ?? [];
if (listedRows === undefined) throw new Error('docs/data-model.md has no table');
const listed = dataModel.replace(listedRows, () => rows.join(''));
await update('docs/data-model.md', listed, 'markdown');

/** Writes a formatted file, or with --check compares it. */
async function update(
  file: string,
  unformatted: string,
  parser: 'json' | 'typescript' | 'markdown',
): Promise<void> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const text = await format(unformatted, { ...(await resolveConfig(path)), parser });
  if (!process.argv.includes('--check')) {
    await writeFile(path, text);
  } else if ((await readFile(path, 'utf8')) !== text) {
    console.error(`${file} does not match the routes or the tables. Update it with: npm run openapi`);
    process.exitCode = 1;
  }
}
