/**
 * Headers of every response: no caching, no content sniffing, no subresources, no frames, no use by other sites, no
 * referrer. `Strict-Transport-Security` is left to the proxy that terminates TLS.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/** The Content-Security-Policy of `html`: allows its inline scripts by hash, and files from the same origin. */
export async function policyFor(html: string): Promise<string> {
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, script = '']) => hashOf(script));
  return [
    "default-src 'none'",
    ['script-src', "'self'", ...(await Promise.all(scripts))].join(' '),
    "style-src 'self'",
    // The style sheet of Swagger UI contains its icons as data URLs.
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

async function hashOf(script: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(hash)))}'`;
}
