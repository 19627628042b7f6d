import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { bundleEdge } from '../../scripts/edge/bundle.ts';

/** The only module that may open connections, which requests share. */
const OBJECT = 'src/composition/messenger-object.ts';

/** Leaves the object out of a bundle, as if it were another deployment. */
const withoutObject: Plugin = {
  name: 'without the object',
  setup(build) {
    build.onResolve({ filter: /\/messenger-object\.ts$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Puts `text` in front of a file of `src/`. */
function withInjected(file: string, text: string): Plugin {
  return {
    name: 'injected',
    setup(build) {
      build.onLoad({ filter: new RegExp(`/src/${file}$`) }, ({ path }) => ({
        contents: `${text}\n${readFileSync(path, 'utf8')}`,
        loader: 'ts',
      }));
    },
  };
}

/** The modules of Node and the Cassandra adapter that the entry point imports outside of the Durable Object. */
async function hostsReached(...plugins: readonly Plugin[]): Promise<string[]> {
  const { metafile } = await bundleEdge({ plugins: [withoutObject, ...plugins] });
  const reached = Object.entries(metafile.inputs).flatMap(([path, { imports }]) => [
    path,
    ...imports.map((imported) => imported.path),
  ]);
  return [...new Set(reached)].filter(
    (path) => isBuiltin(path) || /node_modules\/(cassandra-driver|@hono\/node-server)\//.test(path),
  );
}

describe('the edge bundle outside of the Durable Object', () => {
  test('imports no module that opens connections', async () => {
    expect(await hostsReached()).toEqual([]);
  });

  test.each([
    [`import { connect } from 'node:net'; console.log(connect);`, 'node:net'],
    [`import tls from 'tls'; console.log(tls);`, 'tls'],
    [`export { openHttpServer } from '../servers/node-server.ts';`, 'node:http'],
    [`import { makeSession } from '../cassandra/session.ts'; console.log(makeSession);`, 'cassandra-driver'],
  ])('fails this test with “%s”', async (text, found) => {
    expect(await hostsReached(withInjected('adapters/edge/durable-object-routing.ts', text))).toContainEqual(
      expect.stringContaining(found),
    );
  });
});

test('the Durable Object imports the Cassandra adapter, and no server of another runtime', async () => {
  const { metafile } = await bundleEdge();
  const inputs = Object.keys(metafile.inputs);
  expect(inputs).toContain(OBJECT);
  expect(inputs).toContain(join('src', 'adapters', 'cassandra', 'session.ts'));
  expect(
    inputs.filter((path) =>
      /-server\.ts$|composition\/process\.ts$|opentelemetry\/tracing\.ts$|node_modules\/(pino|prom-client|@opentelemetry)\//.test(
        path,
      ),
    ),
  ).toEqual([]);
});
