import type { Message } from 'cassandra-messenger-client';
import { useEffect, useRef, useState } from 'preact/hooks';
import { nameOf, type Names } from '../people.ts';

/** Reads messages of others out to screen readers as they arrive. */
export function NewMessageAnnouncer({
  messages,
  userId,
  names,
}: {
  messages: readonly Message[];
  userId: string;
  names: Names;
}) {
  const [text, setText] = useState('');
  const lastSeen = useRef<string | null>(null);
  const last = messages.at(-1);
  useEffect(() => {
    if (last === undefined) return;
    const isNew = lastSeen.current !== null && last.id > lastSeen.current;
    lastSeen.current = last.id;
    if (isNew && last.sender_id !== userId)
      setText(`${nameOf(last.sender_id, names)}: ${last.content ?? ''}`);
  }, [last?.id]);
  return (
    <p class="visually-hidden" role="log">
      {text}
    </p>
  );
}
