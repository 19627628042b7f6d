const CHECKSUM_DIGITS = 8;

/**
 * The text of a cursor in the list of `owner`: base64url of `digits`, whole bytes in hexadecimal, and of a checksum of these
 * and `owner`. The checksum detects mistakes. It need not detect forgeries: a cursor contains no secret and grants no access.
 */
export function cursorText(owner: string, digits: string): string {
  const all = digits + checksumOf(`${owner}\n${digits}`);
  let bytes = '';
  for (let at = 0; at < all.length; at += 2) {
    bytes += String.fromCharCode(parseInt(all.slice(at, at + 2), 16));
  }
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * The digits of a cursor in the list of `owner`; null if `text` has another owner, a wrong checksum, or is not base64url as
 * `cursorText` writes it.
 */
export function cursorDigits(owner: string, text: string): string | null {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null;
  let all = '';
  for (const byte of atob(text.replaceAll('-', '+').replaceAll('_', '/'))) {
    all += byte.charCodeAt(0).toString(16).padStart(2, '0');
  }
  const digits = all.slice(0, -CHECKSUM_DIGITS);
  return cursorText(owner, digits) === text ? digits : null;
}

/** 32-bit FNV-1a. */
function checksumOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(CHECKSUM_DIGITS, '0');
}
