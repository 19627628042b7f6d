import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalClusterOptions } from './cluster.ts';

function folderWith(file: string, from: string): string {
  if (existsSync(join(from, file))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error(`no ${file} in any folder above ${fileURLToPath(import.meta.url)}`);
  return folderWith(file, parent);
}

/** The folder with package.json, which is searched upwards because this file and its build in dist/ have different depths. */
export const projectFolder = folderWith('package.json', dirname(fileURLToPath(import.meta.url)));

/** All files of local Cassandra clusters; git ignores them. Safe to delete while no cluster runs. */
export const cassandraFolder = join(projectFolder, '.cassandra');

/** The cluster of `nodes` nodes that `npm run cassandra` runs. Its data are kept between runs. */
export function projectCluster(nodes: number): LocalClusterOptions {
  return {
    directory: join(cassandraFolder, nodes === 1 ? '1-node' : `${nodes}-nodes`),
    addresses:
      nodes === 1 ? ['127.0.0.1'] : Array.from({ length: nodes }, (_, index) => `127.0.1.${index + 1}`),
    nativePort: 9042,
    storagePort: 7000,
    heapMb: nodes === 1 ? 1024 : 768,
  };
}
