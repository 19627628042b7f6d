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
  /** `reason` says why, unless the user signs out. */
  onSignOut: (reason?: string) => void;
}) {
  const [messenger] = useState(() => openMessenger(userId, token));
  const { client, store } = messenger;
  const snapshot = useSnapshot(store);
  const today = useToday();
  const [isStartingConversation, setIsStartingConversation] = useState(false);
  const [isCreatingGroup, setIsCreatingGroup] = useState(false);

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
            setIsStartingConversation(true);
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
            setIsStartingConversation(true);
          }}
        />
      </nav>
      <main class="pane">
        {conversationId === null ? (
          <EmptyState icon={<ChatIcon />} title="Your messages">
            <p>Choose a conversation, or start a new one.</p>
            <button
              type="button"
              class="button button-primary"
              onClick={() => {
                setIsStartingConversation(true);
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
      {isStartingConversation && (
        <NewConversation
          client={client}
          store={store}
          entries={inbox.entries}
          names={users}
          onClose={() => {
            setIsStartingConversation(false);
          }}
          onGroup={() => {
            setIsStartingConversation(false);
            setIsCreatingGroup(true);
          }}
          onOpen={(id) => {
            setIsStartingConversation(false);
            goTo(linkTo(userId, id));
          }}
        />
      )}
      {isCreatingGroup && (
        <NewGroup
          client={client}
          entries={inbox.entries}
          names={users}
          onClose={() => {
            setIsCreatingGroup(false);
          }}
          onOpen={(id) => {
            setIsCreatingGroup(false);
            goTo(linkTo(userId, id));
          }}
        />
      )}
    </div>
  );
}
