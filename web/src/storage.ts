/** The storage that `get` returns; null if the browser forbids it, such as with all cookies blocked. */
export function storageOf(get: () => Storage): Storage | null {
  try {
    return get();
  } catch {
    return null;
  }
}
