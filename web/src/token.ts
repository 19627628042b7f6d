import { storageOf } from './storage.ts';

const STORED_AS = 'messenger-token';

/** The token of this tab. It is kept until the tab is closed; without a storage, until the page is. */
export function storedToken(): string | null {
  return storageOf(() => sessionStorage)?.getItem(STORED_AS) ?? null;
}

export function storeToken(token: string | null): void {
  const storage = storageOf(() => sessionStorage);
  if (token === null) storage?.removeItem(STORED_AS);
  else storage?.setItem(STORED_AS, token);
}
