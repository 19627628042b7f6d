import type { InboxEntry, OpenConversation, Store } from 'cassandra-messenger-client';
import { useEffect, useRef } from 'preact/hooks';
import type { Names } from '../people.ts';
import { shownMessages } from '../message-rows.ts';
import { useMarkRead } from '../use-mark-read.ts';
import { useStableScroll } from '../use-stable-scroll.ts';
import { Composer } from './composer.tsx';
import { ConversationHeader } from './conversation-header.tsx';
import { ErrorState } from './error-state.tsx';
import { DownIcon } from './icons.tsx';
import { MessageList } from './message-list.tsx';
import { NewMessageAnnouncer } from './new-message-announcer.tsx';
import { MessagesSkeleton } from './skeletons.tsx';

/** Closer to the top than this, in pixels, older messages are loaded. */
const LOAD_AHEAD = 900;

/** The open conversation: who, the messages, and the field to write in. */
export function Conversation({
  conversationId,
  store,
  open,
  entry,
  userId,
  names,
}: {
  conversationId: string;
  store: Store;
  /** Null until the store has opened it. */
  open: OpenConversation | null;
  /** Its entry in the inbox, which is known earlier than the conversation itself. */
  entry: InboxEntry | null;
  userId: string;
  names: Names;
}) {
  const { scroller, isAtEnd, onScroll, scrollToEnd } = useStableScroll();
  const field = useRef<HTMLTextAreaElement>(null);
  const messages = open?.messages ?? [];
  const outgoing = open?.outgoing ?? [];
  const isLoaded = open !== null && (open.status === 'ready' || messages.length > 0);

  useMarkRead(store, { isAtEnd, isLoaded, lastId: messages.at(-1)?.id ?? null });

  // A phone would show its keyboard.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);

  const loadOlder = (): void => {
    if (open?.hasOlder && open.status === 'ready') void store.loadOlderMessages();
  };
  // A short page may leave no room to scroll.
  useEffect(() => {
    const box = scroller.current;
    if (box !== null && isLoaded && box.scrollTop < LOAD_AHEAD) loadOlder();
  }, [isLoaded, messages.length, open?.hasOlder]);

  return (
    <section class="conversation" aria-label="Conversation">
      <ConversationHeader conversation={open?.conversation ?? entry} userId={userId} names={names} />
      <div
        ref={scroller}
        class="messages"
        tabIndex={0}
        role="region"
        aria-label="Messages"
        onScroll={({ currentTarget: box }) => {
          onScroll();
          if (box.scrollTop < LOAD_AHEAD) loadOlder();
        }}
      >
        {isLoaded ? (
          <MessageList
            messages={shownMessages(messages, outgoing, userId)}
            conversation={open.conversation}
            hasOlder={open.hasOlder}
            olderFailed={open.status === 'failed'}
            userId={userId}
            names={names}
            onLoadOlder={() => {
              void store.loadOlderMessages();
            }}
            onRetry={(key) => {
              store.retry(key);
            }}
            onDiscard={(key) => {
              store.discard(key);
            }}
          />
        ) : open?.status === 'failed' ? (
          <ErrorState
            title={
              open.problem?.status === 404
                ? 'There is no such conversation'
                : 'The messages could not be loaded'
            }
            problem={open.problem}
            onRetry={() => {
              store.open(open.id);
            }}
          />
        ) : (
          <MessagesSkeleton />
        )}
      </div>
      {!isAtEnd && isLoaded && (
        <button type="button" class="to-end" aria-label="Go to the latest message" onClick={scrollToEnd}>
          <DownIcon />
        </button>
      )}
      <NewMessageAnnouncer messages={messages} userId={userId} names={names} />
      <Composer
        fieldRef={field}
        conversationId={conversationId}
        isDisabled={!isLoaded}
        onSend={(content) => {
          store.send(content);
          scrollToEnd();
        }}
      />
    </section>
  );
}
