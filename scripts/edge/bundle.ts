import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build, type BuildOptions, type BuildResult } from 'esbuild';
import { SETTINGS } from '../../src/composition/config.ts';
import { buildHere } from '../build-here.ts';
import { projectFolder } from '../local-cassandra/project.ts';

/** The output folder: one module, the documentation files, and a configuration for workerd. */
export const edgeFolder = join(projectFolder, 'dist', 'edge');

/** The Swagger UI files that the service serves. */
const DOCS_ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** Bundles the edge's entry point into one module that only imports platform modules. The result has a metafile. */
export function bundleEdge(
  overrides: BuildOptions = {},
): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    entryPoints: [join(projectFolder, 'src', 'main.edge.ts')],
    absWorkingDir: projectFolder,
    bundle: true,
    format: 'esm',
    // The platform provides Node's modules under their names.
    platform: 'node',
    target: 'es2022',
    // CommonJS packages load them with `require`, which an ES module does not have.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire('file:///edge.js');",
    },
    define: { MESSENGER_BUILD: JSON.stringify(buildHere()) },
    logLevel: 'warning',
    ...overrides,
    metafile: true,
    write: false,
  });
}

/** Writes the bundle to `edgeFolder`, and returns the module. */
export async function writeEdge(): Promise<Uint8Array> {
  const { outputFiles } = await bundleEdge();
  const module = outputFiles[0]!.contents;
  const swaggerUi = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  rmSync(edgeFolder, { recursive: true, force: true });
  mkdirSync(join(edgeFolder, 'docs-assets'), { recursive: true });
  for (const name of DOCS_ASSETS) cpSync(join(swaggerUi, name), join(edgeFolder, 'docs-assets', name));
  writeFileSync(join(edgeFolder, 'main.js'), module);
  writeFileSync(join(edgeFolder, 'workerd.capnp'), workerdConfig());
  return module;
}

/** The configuration for workerd: settings come from the environment, and objects are not evicted. */
function workerdConfig(): string {
  const settings = SETTINGS.map(({ name }) => `        (name = "${name}", fromEnvironment = "${name}"),`);
  return `# Run it in this folder: workerd serve workerd.capnp
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (
      name = "messenger",
      worker = (
        modules = [(name = "main.js", esModule = embed "main.js")],
        compatibilityDate = "2026-11-01",
        durableObjectNamespaces = [
          (className = "MessengerObject", uniqueKey = "messenger", preventEviction = true),
        ],
        durableObjectStorage = (inMemory = void),
        globalOutbound = "network",
        bindings = [
          (name = "MESSENGER", durableObjectNamespace = "MessengerObject"),
          (name = "DOCS_ASSETS", service = "docs-assets"),
${settings.join('\n')}
        ],
      ),
    ),
    (name = "docs-assets", disk = (path = "docs-assets")),
    # Cassandra may have a private address; by default only public addresses are allowed.
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "*:8000", http = (), service = "messenger")],
);
`;
}
