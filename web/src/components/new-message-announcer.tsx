import type { Message } from 'cassandra-messenger-client';
import { useEffect, useRef, useState } from 'preact/hooks';
import { nameOf, type Names } from '../people.ts';

/** How many messages are kept. Screen readers read each one when it is added. */
const MAX_ANNOUNCED = 10;

/** Reads messages of others out to screen readers as they arrive. */
export function NewMessageAnnouncer({
  messages,
  isLoaded,
  userId,
  names,
}: {
  messages: readonly Message[];
  isLoaded: boolean;
  userId: string;
  names: Names;
}) {
  const [announced, setAnnounced] = useState<readonly Message[]>([]);
  /** The last message so far; null until the conversation is loaded. */
  const lastSeen = useRef<string | null>(null);
  const lastId = messages.at(-1)?.id ?? '';
  useEffect(() => {
    if (!isLoaded) return;
    const since = lastSeen.current;
    if (since !== null && lastId <= since) return;
    lastSeen.current = lastId;
    if (since === null) return;
    const added = messages
      .slice(messages.findLastIndex(({ id }) => id <= since) + 1)
      .filter(({ sender_id, content }) => sender_id !== userId && content !== null);
    setAnnounced((earlier) => [...earlier, ...added].slice(-MAX_ANNOUNCED));
  }, [isLoaded, lastId]);
  return (
    <div class="visually-hidden" role="log" aria-relevant="additions">
      {announced.map(({ id, sender_id, content }) => (
        <p key={id}>{`${nameOf(sender_id, names)}: ${content}`}</p>
      ))}
    </div>
  );
}
