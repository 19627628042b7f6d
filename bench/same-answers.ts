import { strict as assert } from 'node:assert';
import type { LoadRequest } from './load/request.ts';
import type { ObservedServer } from './in-process.ts';
import type { Work } from './work.ts';

/** The parts of a response that differ between servers: ids, times and cursors. */
const OWN_TO_A_MESSAGE = /"((?:last_message_)?id|created_at|last_message_at|next_cursor)":"[^"]*"/g;

/** Sends one request to the server at `url`. */
export async function ask(url: string, { method, path, body, keyed }: LoadRequest) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body && { 'Content-Type': 'application/json' }),
      ...(keyed && { 'Idempotency-Key': crypto.randomUUID() }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return {
    status: answer.status,
    type: answer.headers.get('Content-Type'),
    text: await answer.text(),
  };
}

/**
 * Throws unless two servers give equal responses to `requests`; otherwise a comparison is meaningless. Over the same
 * storage, every byte of a page is compared.
 */
export async function assertSameAnswers(
  one: string,
  other: string,
  requests: readonly LoadRequest[],
  storage: 'same' | 'own',
): Promise<void> {
  for (const request of requests) {
    const isSame = request.method === 'GET' && storage === 'same';
    const [left, right] = [await ask(one, request), await ask(other, request)].map(({ text, ...answer }) => ({
      ...answer,
      text: isSame ? text : text.replaceAll(OWN_TO_A_MESSAGE, '"$1":"its own"'),
    }));
    assert.ok(left!.status < 300, `${request.path} is answered with ${left!.text}`);
    assert.deepEqual(left, right, `${request.method} ${request.path} is not answered alike`);
  }
}

/** Throws unless two servers do the same database work for each of `requests`; returns the work of the last. */
export async function assertSameWork(
  one: ObservedServer,
  other: ObservedServer,
  requests: readonly LoadRequest[],
): Promise<Work> {
  let work: Work = { statements: 0, requests: 0, roundTrips: 0 };
  for (const request of requests) {
    work = await one.client.workOf(() => ask(one.url, request));
    const others = await other.client.workOf(() => ask(other.url, request));
    assert.deepEqual(work, others, `${request.method} ${request.path} is not the same work`);
  }
  return work;
}
