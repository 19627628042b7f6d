import { setTimeout as pause } from 'node:timers/promises';
import type { SendRequest } from './http.ts';
import { attempt, conversationIdIn, type Attempt, type Load } from './load.ts';

const CHANGE_EVERY_MS = 80;
const DELETED_SHARE = 0.2;

/** The contents that a message may have: several if the outcomes of changes are unknown; null if it is deleted. */
export type Contents = ReadonlyMap<string, ReadonlySet<string | null>>;

/** Edits and deletes acknowledged messages of a load, one after the other, until it is stopped. */
export function startMessageChanges(
  sendRequest: SendRequest,
  load: Load,
): { readonly attempts: readonly Attempt[]; stop(): Promise<Contents> } {
  const attempts: Attempt[] = [];
  const contents = new Map<string, Set<string | null>>();
  let isStopping = false;

  const change = async (): Promise<void> => {
    const sent = load.attempts.filter(({ messageId }) => messageId !== null);
    const one = sent[Math.floor(Math.random() * sent.length)];
    const { send = null, messageId = null } = one ?? {};
    if (send === null || messageId === null) return;
    const known = contents.get(messageId) ?? new Set([send.content]);
    // A deletion, also one with an unknown outcome, is the last change.
    if (known.has(null)) return;
    const content =
      Math.random() < DELETED_SHARE ? null : `${send.content}, changed ${attempts.length} times`;
    const path = `/api/conversations/${conversationIdIn(send)}/messages/${messageId}`;
    const { result } = await attempt({ kind: 'change of a message' }, () =>
      sendRequest(
        content === null ? { method: 'DELETE', path } : { method: 'PATCH', path, body: { content } },
      ),
    );
    attempts.push(result);
    const isDone = typeof result.outcome === 'number' && result.outcome < 300;
    contents.set(messageId, new Set([...(isDone ? [] : known), content]));
  };

  const run = async (): Promise<void> => {
    while (!isStopping) {
      await pause(CHANGE_EVERY_MS);
      await change();
    }
  };
  const running = run();
  return {
    attempts,
    async stop() {
      isStopping = true;
      await running;
      return contents;
    },
  };
}
