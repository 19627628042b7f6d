/**
 * What browsers are told with every answer: that it is private, is of the type that it says, brings nothing along, is
 * shown in no frame, and belongs to no other site. `Strict-Transport-Security` is for whoever ends the TLS in front.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/** The policy of a page that may run the scripts that stand in it, and load what else it needs from here. */
export async function policyFor(html: string): Promise<string> {
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, script = '']) => hashOf(script));
  return [
    "default-src 'none'",
    ['script-src', "'self'", ...(await Promise.all(scripts))].join(' '),
    "style-src 'self'",
    // Swagger UI keeps its icons in its style sheet.
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
