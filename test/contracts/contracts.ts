import { readdirSync } from 'node:fs';
import type { Contract, StorageSubject } from './contract.ts';
import type { Mutant } from './mutants.ts';

/** The ports of the repositories, by file name. */
export const REPOSITORY_PORTS = readdirSync(new URL('../../src/application/ports/', import.meta.url)).filter(
  (file) => file.endsWith('-repository.ts'),
);

/** Contracts of more than one repository. */
const MORE = ['message-changes.ts', 'storage.ts'];

/**
 * The contracts of a storage, each with at least one mutant for each clause. The contract of a repository is in the file of
 * this folder that is named like its port; a port without that file is an error.
 */
export const storageContracts: readonly {
  readonly name: string;
  readonly contract: Contract<StorageSubject>;
  readonly mutants: Readonly<Record<string, readonly Mutant[]>>;
}[] = await Promise.all(
  [...REPOSITORY_PORTS, ...MORE].map(async (file) => ({
    name: file.replace('.ts', ''),
    contract: (await exportOf(file, 'Contract')) as Contract<StorageSubject>,
    mutants: (await exportOf(file.replace('.ts', '.mutants.ts'), 'Mutants')) as Record<string, Mutant[]>,
  })),
);

/** The export of a file in this folder whose name ends with `ending`. Rejects if there is no such file or export. */
async function exportOf(file: string, ending: string): Promise<unknown> {
  const exported = (await import(/* @vite-ignore */ new URL(file, import.meta.url).href)) as object;
  const found = Object.entries(exported).find(([name]) => name.endsWith(ending));
  if (found === undefined) throw new Error(`test/contracts/${file} exports no …${ending}`);
  return found[1];
}
