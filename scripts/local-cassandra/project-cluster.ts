import { join } from 'node:path';
import type { LocalClusterOptions } from './cluster.ts';
import { cassandraFolder } from './project-folder.ts';

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
