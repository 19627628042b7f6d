import type { InboxEntry, MessengerClient, OpenConversation, Store } from 'cassandra-messenger-client';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { edits } from '../drafts.ts';
import { isGroup, type Names } from '../people.ts';
import { shownMessages, type ShownMessage } from '../message-rows.ts';
import { linkTo } from '../route.ts';
import { useKeptFocus } from '../use-kept-focus.ts';
import { useMarkRead } from '../use-mark-read.ts';
import { useStableScroll } from '../use-stable-scroll.ts';
import { Composer } from './composer.tsx';
import { ConversationHeader } from './conversation-header.tsx';
import { DeleteMessageDialog } from './delete-message-dialog.tsx';
import { ErrorState } from './error-state.tsx';
import { GroupDialog } from './group-dialog.tsx';
import { DownIcon } from './icons.tsx';
import { MessageEditor } from './message-editor.tsx';
import type { MessageActions } from './message-item.tsx';
import { MessageList } from './message-list.tsx';
import { NewMessageAnnouncer } from './new-message-announcer.tsx';
import { MessagesSkeleton } from './skeletons.tsx';

/** If more messages than this are loaded while the end is shown, older ones are unloaded. */
const MAX_AT_END = 400;

/** Older messages are loaded at this distance from the top, in pixels. */
const LOAD_AHEAD = 900;

/** The open conversation: the header, the messages, and the composer. */
export function Conversation({
  conversationId,
  client,
  store,
  open,
  entry,
  userId,
  names,
  today,
}: {
  conversationId: string;
  client: MessengerClient;
  store: Store;
  /** Null until the store has opened it. */
  open: OpenConversation | null;
  /** Its entry in the inbox, which is known earlier than the conversation itself. */
  entry: InboxEntry | null;
  userId: string;
  names: Names;
  /** Changes with the day, since the names of days depend on it. */
  today: string;
}) {
  const { scroller, isAtEnd, onScroll, scrollToEnd } = useStableScroll();
  const section = useRef<HTMLElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const draftKey = linkTo(userId, conversationId);
  const edited = edits.get(draftKey)?.message ?? null;
  const [, renderAgain] = useState({});
  const [deleted, setDeleted] = useState<ShownMessage | null>(null);
  const [showsGroup, setShowsGroup] = useState(false);
  const messages = open?.messages ?? [];
  const group = open?.conversation && isGroup(open.conversation) ? open.conversation : null;
  const hasLeft = group === null ? entry?.left_at != null : !group.participant_ids.includes(userId);
  const isLoaded = open !== null && (open.status === 'ready' || messages.length > 0);

  // A message that arrives late has an event above the last one, and is shown further up.
  const last = messages.length === 0 ? null : `${entry?.last_event_id} ${messages.at(-1)?.id}`;
  useMarkRead(store, { isAtEnd, isLoaded, last });

  // A phone would show its keyboard.
  const fieldToFocus = () => (matchMedia('(pointer: fine)').matches ? field.current : null);
  useEffect(() => {
    fieldToFocus()?.focus();
  }, []);
  // The keyboard of a phone stays open after an edit.
  useKeptFocus(
    section,
    (before) => (before.matches('textarea') ? field.current : fieldToFocus()) ?? scroller.current,
  );

  /** Ends the edit of a message, unless another one is edited by now. */
  const endEdit = (key: string): void => {
    if (edits.get(draftKey)?.message.key !== key) return;
    edits.delete(draftKey);
    renderAgain({});
  };

  const loadOlder = (): void => {
    if (open?.hasOlder && open.olderStatus === 'ready') void store.loadOlderMessages();
  };
  // The end of a conversation needs no older messages, and the fewer are loaded, the faster it is.
  useEffect(() => {
    if (isAtEnd && messages.length > MAX_AT_END) store.unloadOlderMessages();
  }, [store, isAtEnd, messages.length]);
  // A short page may leave no room to scroll.
  useEffect(() => {
    const box = scroller.current;
    if (box !== null && isLoaded && box.scrollTop < LOAD_AHEAD) loadOlder();
  }, [isLoaded, messages.length, open?.hasOlder]);

  const actions = useMemo(
    (): MessageActions => ({
      onRetry(key) {
        store.retry(key);
      },
      onDiscard(key) {
        store.discard(key);
      },
      onEdit(message) {
        edits.set(draftKey, { message, text: message.content ?? '' });
        renderAgain({});
      },
      onDelete: setDeleted,
    }),
    [store, draftKey],
  );

  // Most changes are elsewhere in the inbox, and thousands of messages can be loaded.
  const list = useMemo(
    () =>
      open !== null && (
        <MessageList
          messages={shownMessages(open.messages, open.outgoing, userId)}
          conversation={open.conversation}
          hasOlder={open.hasOlder}
          olderFailed={open.olderStatus === 'failed'}
          userId={userId}
          names={names}
          onLoadOlder={() => {
            void store.loadOlderMessages();
          }}
          isFixed={hasLeft}
          editedKey={edited?.key ?? null}
          actions={actions}
        />
      ),
    [store, open, hasLeft, userId, names, today, edited, actions],
  );

  return (
    <section ref={section} class="conversation" aria-label="Conversation">
      <ConversationHeader
        conversation={open?.conversation ?? entry}
        userId={userId}
        names={names}
        onGroup={
          group &&
          (() => {
            setShowsGroup(true);
          })
        }
      />
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
          list
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
      <NewMessageAnnouncer messages={messages} isLoaded={isLoaded} userId={userId} names={names} />
      {hasLeft ? (
        <p class="composer-closed">You are no longer a member of this group, so you cannot write to it.</p>
      ) : edited === null ? (
        <Composer
          key="new"
          fieldRef={field}
          draftOf={draftKey}
          isDisabled={!isLoaded}
          onSend={(content) => {
            client.send({ to: { conversationId }, content });
            scrollToEnd();
          }}
        />
      ) : (
        <MessageEditor
          key={edited.key}
          fieldRef={field}
          content={edited.content ?? ''}
          draft={edits.get(draftKey)?.text ?? ''}
          isDeleted={messages.some(({ id, deleted_at }) => id === edited.key && deleted_at !== null)}
          onInput={(text) => {
            edits.set(draftKey, { message: edited, text });
          }}
          onSave={(content) => store.edit(edited.key, content)}
          onClose={() => {
            endEdit(edited.key);
          }}
        />
      )}
      {deleted !== null && (
        <DeleteMessageDialog
          onDelete={async () => {
            await store.delete(deleted.key);
            endEdit(deleted.key);
          }}
          onClose={() => {
            setDeleted(null);
          }}
        />
      )}
      {showsGroup && group !== null && (
        <GroupDialog
          client={client}
          store={store}
          group={group}
          names={names}
          onClose={() => {
            setShowsGroup(false);
          }}
        />
      )}
    </section>
  );
}
