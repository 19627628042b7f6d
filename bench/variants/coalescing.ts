import type { MessageRepository } from '../../src/application/ports/message-repository.ts';
import type { Message } from '../../src/domain/message.ts';

/**
 * The same messages, where a page that is asked for while the very same one is being read is answered by that
 * reading. A message that this process acknowledges meanwhile ends the sharing: whoever asks after it is read anew.
 *
 * What another process has acknowledged meanwhile can't end it. So the service does not do this: a client that was
 * told 201 by one process, and asks another one at once, could be shown a page that was read before its message.
 */
export function coalescing(messages: MessageRepository): MessageRepository {
  const readings = new Map<string, Map<string, Promise<readonly Message[]>>>();
  return {
    async append(posting) {
      const appended = await messages.append(posting);
      readings.delete(posting.message.conversationId);
      return appended;
    },

    listBefore(conversationId, slice) {
      const pages = readings.get(conversationId) ?? new Map<string, Promise<readonly Message[]>>();
      readings.set(conversationId, pages);
      const page = `${slice.before ?? ''} ${slice.offset} ${slice.limit}`;
      const shared = pages.get(page);
      if (shared !== undefined) return shared;
      const reading = messages.listBefore(conversationId, slice);
      pages.set(page, reading);
      const end = (): void => {
        pages.delete(page);
        if (pages.size === 0 && readings.get(conversationId) === pages) readings.delete(conversationId);
      };
      reading.then(end, end);
      return reading;
    },

    find: (conversationId, ids) => messages.find(conversationId, ids),
  };
}
