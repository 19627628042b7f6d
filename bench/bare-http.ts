import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The body of `request`. */
export function textOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (text += part));
    request.on('end', () => {
      resolve(text);
    });
    request.on('error', reject);
  });
}

/** Responds with the result of `answerTo` as JSON. */
export function answerWith(answerTo: (request: IncomingMessage) => Promise<object>): RequestListener {
  return (request, response) => {
    answerTo(request).then(
      (answer) => {
        const text = JSON.stringify(answer);
        response.writeHead(request.method === 'POST' ? 201 : 200, {
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(text),
        });
        response.end(text);
      },
      (error: unknown) => {
        const text = String(error);
        response.writeHead(500, { 'Content-Length': Buffer.byteLength(text) });
        response.end(text);
      },
    );
  };
}

/** Listens on a free port of HOST and logs the address in the format of the service. */
export function serve(server: Server): void {
  const host = process.env['HOST'] ?? '127.0.0.1';
  server.listen(0, host, () => {
    console.log(`Ready at http://${host}:${(server.address() as AddressInfo).port}`);
  });
  process.on('SIGTERM', () => process.exit(0));
}
