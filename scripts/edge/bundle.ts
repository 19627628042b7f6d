import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build, type BuildOptions, type BuildResult } from 'esbuild';
import { SETTINGS } from '../../src/composition/config.ts';
import { buildHere } from '../build-here.ts';
import { projectFolder } from '../local-cassandra/project.ts';

/** What the edge is given: one module, the files of the documentation, and how bare workerd is to run them. */
export const edgeFolder = join(projectFolder, 'dist', 'edge');

/** The files of Swagger UI that are served. */
const DOCS_ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** The edge's entry as one module that imports nothing but what the platform brings; also says what went into it. */
export function bundleEdge(
  changed: BuildOptions = {},
): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    entryPoints: [join(projectFolder, 'src', 'main.edge.ts')],
    absWorkingDir: projectFolder,
    bundle: true,
    format: 'esm',
    // Its modules by the names that Node gives them is what the platform brings.
    platform: 'node',
    target: 'es2022',
    // Packages in CommonJS ask for them by `require`, which a module does not have.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire('file:///edge.js');",
    },
    define: { MESSENGER_BUILD: JSON.stringify(buildHere()) },
    logLevel: 'warning',
    ...changed,
    metafile: true,
    write: false,
  });
}

/** Writes all of it to `edgeFolder`, and gives the module. */
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

/** How bare workerd runs it: with the settings of its environment, and objects that stay. */
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
    # Where Cassandra is: by default only public addresses may be reached.
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "*:8000", http = (), service = "messenger")],
);
`;
}
