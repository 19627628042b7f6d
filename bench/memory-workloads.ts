import { pairOf } from './data/fixtures.ts';
import type { LoadRequest } from './load/request.ts';
import type { LoadGenerator } from './processes.ts';
import { alternating, inboxPath, pathOf, sendIn } from './workloads.ts';

const READERS = 25;
const MESSAGES_EACH = 40;
const CONVERSATIONS_EACH = 40;

/** The workloads for servers with memory storage, and the requests that fill them first. */
export function memoryWorkloads() {
  const readers = Array.from({ length: READERS }, (_, index) =>
    pairOf(`reader-${index}`, `reader-${index}-too`),
  );
  const talkers = Array.from({ length: 1_000 }, (_, index) =>
    pairOf(`talker-${index}`, `talker-${index}-too`),
  );
  const send = talkers.map(sendIn);
  const newestPage = readers.map((pair): LoadRequest => ({ method: 'GET', path: pathOf(pair) }));
  const inboxPage = readers.map(({ one }): LoadRequest => ({ method: 'GET', path: inboxPath(one) }));
  return {
    before: readers.flatMap((pair) => [
      ...Array.from({ length: CONVERSATIONS_EACH }, (_, index) =>
        sendIn(pairOf(pair.one, `friend-${index}`)),
      ),
      ...Array.from({ length: MESSAGES_EACH }, () => sendIn(pair)),
    ]),
    send,
    newestPage,
    inboxPage,
    mixed: alternating(
      [send, newestPage, inboxPage, newestPage, send, inboxPage, newestPage, send, newestPage, inboxPage],
      talkers.length,
    ),
  };
}

/** Sends the initial data sequentially, before the measurement. */
export async function fill(
  generator: LoadGenerator,
  url: string,
  before: readonly LoadRequest[],
): Promise<void> {
  await generator.load({
    urls: [url],
    requests: before,
    clients: 1,
    milliseconds: 0,
    atLeast: before.length,
  });
}
