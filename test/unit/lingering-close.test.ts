import { describe, expect, test } from 'vitest';
import { lingeringClose } from '../../src/adapters/servers/lingering-close.ts';

const KIB = 1024;
const refuse = () => Promise.resolve(new Response(null, { status: 413 }));

/** A request with a body of `end` parts of 1 KiB; it counts the parts that were read. */
function sending(end: number, headers: Record<string, string> = {}) {
  const taken = { parts: 0 };
  const body = new ReadableStream(
    {
      pull(controller) {
        if (taken.parts === end) controller.close();
        else {
          taken.parts += 1;
          controller.enqueue(new Uint8Array(KIB));
        }
      },
    },
    { highWaterMark: 0 },
  );
  const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
  return { request: new Request('http://messenger.test/', init), taken };
}

describe('a response to a long body', () => {
  test('waits for the rest of the body', async () => {
    const { request, taken } = sending(1_000);
    expect((await lingeringClose(refuse)(request)).status).toBe(413);
    expect(taken.parts).toBe(1_000);
  });

  test('waits for at most a few MiB', async () => {
    const { request, taken } = sending(Infinity);
    expect((await lingeringClose(refuse)(request)).status).toBe(413);
    expect(taken.parts).toBe(4 * KIB);
  });

  test('does not wait long for a body that stops in the middle', async () => {
    const body = new ReadableStream({ pull: () => new Promise(() => undefined) });
    const request = new Request('http://messenger.test/', {
      method: 'POST',
      body,
      duplex: 'half',
    });
    expect((await lingeringClose(refuse)(request)).status).toBe(413);
  });

  test('is sent if the body breaks off', async () => {
    const body = new ReadableStream({ pull: () => Promise.reject(new Error('gone')) });
    const request = new Request('http://messenger.test/', {
      method: 'POST',
      body,
      duplex: 'half',
    });
    expect((await lingeringClose(refuse)(request)).status).toBe(413);
  });
});

test('a long body arrives whole', async () => {
  const { request } = sending(100);
  const answer = await lingeringClose(async (asked) => new Response(await asked.arrayBuffer()))(request);
  expect((await answer.arrayBuffer()).byteLength).toBe(100 * KIB);
});

test('a request with a short body or none is passed unchanged', async () => {
  for (const request of [
    sending(1, { 'Content-Length': '1024' }).request,
    new Request('http://messenger.test/'),
  ]) {
    let handed: Request | null = null;
    await lingeringClose((asked) => {
      handed = asked;
      return new Response();
    })(request);
    expect(handed).toBe(request);
  }
});
