import { makeClock } from '../src/adapters/system/clock.ts';
import { openHttpServer } from '../src/adapters/servers/node-server.ts';
import type { Storage } from '../src/application/ports/storage.ts';
import { runProcess } from '../src/composition/process.ts';
import { userIdOf, type Parameters } from './seed/conversations.ts';
import { writeData } from './seed/write-data.ts';

/** `npm run demo`: the service in memory, with the test data of `npm run seed` up to now, and the web client. */

/** The number of the latest conversations of each user that stay unread. Older ones are marked as read. */
const UNREAD = 6;

const parameters: Parameters = {
  seed: '10',
  until: makeClock().now(),
  users: 10,
  conversations: 28,
  messages: 900,
};

/** Marks the older conversations of all users as read, as if they had used the messenger. */
async function markOldAsRead({ conversations, readPositions }: Storage): Promise<void> {
  for (let number = 1; number <= parameters.users; number += 1) {
    const userId = userIdOf(number);
    const inbox = await conversations.listByUser(userId, { before: null, offset: 0, limit: 100 });
    for (const { conversationId, lastEventId } of inbox.slice(UNREAD)) {
      await readPositions.mark({ userId, conversationId, upTo: lastEventId });
    }
  }
}

process.env['STORAGE'] = 'memory';
process.env['WEB_CLIENT'] = 'on';
process.env['LOG_LEVEL'] ??= 'error';

await runProcess(openHttpServer, {
  async fillMemory(storage) {
    await writeData({ storage, parameters, sent: () => undefined });
    await markOldAsRead(storage);
  },
  onReady(url) {
    console.log(
      `The messenger runs at ${url.replace('127.0.0.1', 'localhost')}/app, with test data in memory, until Ctrl-C.`,
    );
  },
});
