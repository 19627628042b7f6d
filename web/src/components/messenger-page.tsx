import { useEffect, useState } from 'preact/hooks';
import { openMessenger } from '../messenger.ts';
import { needsToken } from '../page.ts';
import { goTo, linkTo } from '../route.ts';
import { useSnapshot } from '../use-snapshot.ts';
import { useToday } from '../use-today.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Conversation } from './conversation.tsx';
import { EmptyState } from './empty-state.tsx';
import { ErrorState } from './error-state.tsx';
import { ChatIcon } from './icons.tsx';
import { Inbox } from './inbox.tsx';
import { NewConversation } from './new-conversation.tsx';
import { NewGroup } from './new-group.tsx';
import { Profile } from './profile.tsx';

/** Inbox and conversation of one user; on a phone, one of them at a time. */
export function MessengerPage({
  userId,
  token,
  conversationId,
  onSignOut,
}: {
  userId: string;
  token: string | null;
  conversationId: string | null;
  /** `reason` says why, unless one signs out oneself. */
  onSignOut: (reason?: string) => void;
}) {
  const [messenger] = useState(() => openMessenger(userId, token));
  const { client, store } = messenger;
  const snapshot = useSnapshot(store);
  const today = useToday();
  const [isWriting, setIsWriting] = useState(false);
  const [isGrouping, setIsGrouping] = useState(false);

  useEffect(
    () => () => {
      messenger.close();
    },
    [messenger],
  );

  useEffect(() => {
    if (conversationId === null) store.close();
    else store.open(conversationId);
  }, [store, conversationId]);

  const { problem, inbox, open, users, connection } = snapshot;

  useEffect(() => {
    if (needsToken && problem?.status === 401) onSignOut(`${problem.title}. ${problem.detail}`);
  }, [problem]);

  const unread = inbox.entries.filter((entry) => entry.unread).length;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Messenger` : 'Messenger';
  }, [unread]);

  if (problem !== null && problem.status !== 401) {
    return (
      <ErrorState
        title={problem.title}
        problem={problem}
        onRetry={() => {
          location.reload();
        }}
      />
    );
  }
  return (
    <div class="messenger" data-conversation={conversationId !== null}>
      <ConnectionBanner state={connection} />
      <nav class="sidebar" aria-label="Conversations">
        <Profile
          client={client}
          onWrite={() => {
            setIsWriting(true);
          }}
          onSignOut={() => {
            onSignOut();
          }}
        />
        <Inbox
          inbox={inbox}
          userId={userId}
          names={users}
          openId={conversationId}
          today={today}
          onLoadMore={() => {
            void store.loadMoreConversations();
          }}
          onWrite={() => {
            setIsWriting(true);
          }}
        />
      </nav>
      <main class="pane">
        {conversationId === null ? (
          <EmptyState icon={<ChatIcon />} title="Your messages">
            <p>Pick a conversation, or write to somebody.</p>
            <button
              type="button"
              class="button button-primary"
              onClick={() => {
                setIsWriting(true);
              }}
            >
              New conversation
            </button>
          </EmptyState>
        ) : (
          <Conversation
            key={conversationId}
            conversationId={conversationId}
            client={client}
            store={store}
            open={open?.id === conversationId ? open : null}
            entry={inbox.entries.find(({ id }) => id === conversationId) ?? null}
            userId={userId}
            names={users}
            today={today}
          />
        )}
      </main>
      {isWriting && (
        <NewConversation
          client={client}
          store={store}
          entries={inbox.entries}
          names={users}
          onClose={() => {
            setIsWriting(false);
          }}
          onGroup={() => {
            setIsWriting(false);
            setIsGrouping(true);
          }}
          onOpen={(id) => {
            setIsWriting(false);
            goTo(linkTo(userId, id));
          }}
        />
      )}
      {isGrouping && (
        <NewGroup
          client={client}
          entries={inbox.entries}
          names={users}
          onClose={() => {
            setIsGrouping(false);
          }}
          onOpen={(id) => {
            setIsGrouping(false);
            goTo(linkTo(userId, id));
          }}
        />
      )}
    </div>
  );
}
