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

/** Found by its package.json, because these files and their build in dist/ lie at different depths. */
export const projectFolder = folderWith('package.json', dirname(fileURLToPath(import.meta.url)));

/** Everything that local Cassandra leaves behind, ignored by git. Safe to delete while nothing runs. */
export const cassandraFolder = join(projectFolder, '.cassandra');

/** The cluster of `nodes` nodes that people of this project run, whose data stay between runs. */
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
