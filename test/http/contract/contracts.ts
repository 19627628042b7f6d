import { readdirSync } from 'node:fs';
import type { Contract } from '../../contracts/contract.ts';
import type { Fetch } from '../client.ts';

/** The files in this folder without a contract for every app: this one, and that of an app with authentication. */
const OTHERS = ['contracts.ts', 'access.ts'];

/** The HTTP contract of the messenger, for any server and any storage: the one that each other file exports, by file name. */
export const httpContracts: Readonly<Record<string, Contract<Fetch>>> = Object.fromEntries(
  await Promise.all(
    readdirSync(new URL('.', import.meta.url))
      .filter((file) => !OTHERS.includes(file))
      .map(async (file) => {
        const url = new URL(file, import.meta.url).href;
        const exported = (await import(/* @vite-ignore */ url)) as Record<string, Contract<Fetch>>;
        const [contract, ...more] = Object.values(exported);
        if (contract === undefined || more.length > 0) throw new Error(`${file} must export one contract`);
        return [file.replace('.ts', ''), contract] as const;
      }),
  ),
);
