import { storageOf } from './storage.ts';

const STORAGE_KEY = 'messenger-token';

/** The token of this tab. It is kept until the tab is closed; without a storage, until the page is. */
export function storedToken(): string | null {
  return storageOf(() => sessionStorage)?.getItem(STORAGE_KEY) ?? null;
}

export function storeToken(token: string | null): void {
  const storage = storageOf(() => sessionStorage);
  if (token === null) storage?.removeItem(STORAGE_KEY);
  else storage?.setItem(STORAGE_KEY, token);
}
