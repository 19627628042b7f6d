const POST_HEAD = 'POST /api/messages HTTP/1.1\r\nHost: messenger\r\nContent-Type: application/json\r\n';
const SMUGGLED = '{"sender_id":"smuggled","receiver_id":"smuggled","content":"smuggled"}';
const INNER = `${POST_HEAD}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`;

/** Malformed requests that no server should accept. */
const TEXTS: readonly string[] = [
  // Not HTTP.
  'junk\r\n\r\n',
  '{"sender_id":"alice"}\r\n\r\n',
  'GET\r\n\r\n',
  'GET /\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: messenger\r\n\r\n',
  'GET / HTTP/1.1 more\r\nHost: messenger\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'FOO /livez HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'get /livez HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'SSH-2.0-OpenSSH_9.2\r\n',
  'GET /\0livez HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET /\x01\x7f HTTP/1.1\r\nHost: messenger\r\n\r\n',
  // Targets and hosts.
  'GET livez HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET * HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET http:// HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET http://elsewhere:99999/livez HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET file:///etc/passwd HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET /..\\..\\etc\\passwd HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET /../../../etc/passwd HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET /api/users/%00 HTTP/1.1\r\nHost: messenger\r\n\r\n',
  'GET /api/users/%ff%fe HTTP/1.1\r\nHost: messenger\r\n\r\n',
  `GET /api/users/${'x'.repeat(10_000)} HTTP/1.1\r\nHost: messenger\r\n\r\n`,
  'GET /livez HTTP/1.1\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: [\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: user@elsewhere/path?#\r\n\r\n',
  'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n',
  'TRACE / HTTP/1.1\r\nHost: messenger\r\n\r\n',
  // Headers.
  'GET /livez HTTP/1.1\r\nHost: messenger\r\nno colon\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost : messenger\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: messenger\r\n folded: again\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: messenger\r\nX: \0\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: messenger\r\nX: a\rb\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: messenger\r\n: no name\r\n\r\n',
  `GET /livez HTTP/1.1\r\nHost: messenger\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  `GET /livez HTTP/1.1\r\nHost: messenger\r\n${'X: y\r\n'.repeat(10_000)}\r\n`,
  `GET /livez HTTP/1.1\r\nHost: messenger\r\n${'x'.repeat(20_000)}`,
  // Ambiguous lengths, with a second request inside (request smuggling).
  `${POST_HEAD}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${INNER}`,
  `${POST_HEAD}Content-Length: 0\r\nContent-Length: ${INNER.length}\r\n\r\n${INNER}`,
  `${POST_HEAD}Content-Length: 0, ${INNER.length}\r\n\r\n${INNER}`,
  `${POST_HEAD}Content-Length: +0\r\n\r\n${INNER}`,
  `${POST_HEAD}Content-Length: 0x0\r\n\r\n${INNER}`,
  `${POST_HEAD}Content-Length: -1\r\n\r\n${INNER}`,
  `${POST_HEAD}Content-Length: 99999999999999999999999\r\n\r\n${INNER}`,
  // Chunks.
  `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n${INNER}`,
  `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}junk\r\n0\r\n\r\n`,
  `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
];

/** A TLS client hello, all byte values, and zeros. */
const BYTES: readonly Buffer[] = [
  Buffer.from('16030100710100006d0303', 'hex'),
  Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256)),
  Buffer.alloc(4096),
];

/** Each is sent over a separate connection. */
export const MALFORMED: readonly Buffer[] = [...TEXTS.map((text) => Buffer.from(text, 'latin1')), ...BYTES];
