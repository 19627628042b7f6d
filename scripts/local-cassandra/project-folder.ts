import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
