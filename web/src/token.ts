const STORED_AS = 'messenger-token';

/** The token of this tab. It is kept until the tab is closed. */
export function storedToken(): string | null {
  return sessionStorage.getItem(STORED_AS);
}

export function storeToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(STORED_AS);
  else sessionStorage.setItem(STORED_AS, token);
}
