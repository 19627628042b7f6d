import type { MessageRepository } from '../../src/application/ports/message-repository.ts';
import type { Message } from '../../src/domain/message.ts';

/**
 * Wraps a repository so that concurrent reads of the same page share one read. A message or a change that this process
 * acknowledges ends the sharing: later requests read again.
 *
 * A message that another process acknowledges does not end it. So the service does not do this: a client that gets a 201
 * from one process and then reads from another could get a page without its message.
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

    async edit(request) {
      const message = await messages.edit(request);
      readings.delete(request.conversationId);
      return message;
    },

    async delete(request) {
      const message = await messages.delete(request);
      readings.delete(request.conversationId);
      return message;
    },
  };
}
