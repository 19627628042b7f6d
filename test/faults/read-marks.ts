import { setTimeout as pause } from 'node:timers/promises';
import { markOf } from './events.ts';
import type { SendRequest } from './http.ts';
import { conversationIdIn, type Load } from './load.ts';

const MARK_EVERY_MS = 100;

/**
 * Marks the newest message of a load as read by its receiver, or by one of its group, again and again; gives the marks that
 * were acknowledged.
 */
export function startReadMarks(sendRequest: SendRequest, load: Load): { stop(): Promise<string[]> } {
  const marks: string[] = [];
  let isStopping = false;
  const mark = async (): Promise<void> => {
    while (!isStopping) {
      await pause(MARK_EVERY_MS);
      const newest = load.attempts.at(-1);
      if (newest?.send == null || newest.messageId === null) continue;
      const { receiver, group } = newest.send;
      const reader = group === undefined ? receiver : group.members.at(-1)!;
      const conversation = conversationIdIn(newest.send);
      const answer = await sendRequest({
        method: 'PUT',
        path: `/api/conversations/${conversation}/read`,
        body: { user_id: reader, up_to: newest.messageId },
      }).catch(() => null);
      if (answer?.status === 200) marks.push(markOf(reader, conversation, newest.messageId));
    }
  };
  const ended = mark();
  return {
    async stop() {
      isStopping = true;
      await ended;
      return marks;
    },
  };
}
