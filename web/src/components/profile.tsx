import type { MessengerClient } from 'cassandra-messenger-client';
import { useEffect, useState } from 'preact/hooks';
import { needsToken } from '../page.ts';
import { Avatar } from './avatar.tsx';
import { ComposeIcon } from './icons.tsx';
import { ProfileDialog } from './profile-dialog.tsx';

/** The name of the signed-in user, at the top of the inbox. */
export function Profile({
  client,
  onWrite,
  onSignOut,
}: {
  client: MessengerClient;
  onWrite: () => void;
  onSignOut: () => void;
}) {
  const { userId } = client;
  const [name, setName] = useState(userId);
  const [isOpen, setIsOpen] = useState(false);

  useEffect(() => {
    client.getUser(userId).then(
      (user) => {
        setName(user?.username ?? userId);
      },
      // The id is shown instead of the name.
      () => undefined,
    );
  }, [client]);

  return (
    <header class="profile">
      <button
        type="button"
        class="profile-button"
        aria-haspopup="dialog"
        onClick={() => {
          setIsOpen(true);
        }}
      >
        <Avatar id={userId} name={name} size="small" />
        <span class="visually-hidden">Signed in as </span>
        <span class="profile-name">{name}</span>
      </button>
      <h1>Chats</h1>
      <button
        type="button"
        class="icon-button"
        aria-label="New conversation"
        title="New conversation"
        onClick={onWrite}
      >
        <ComposeIcon />
      </button>
      {isOpen && (
        <ProfileDialog
          client={client}
          name={name}
          canSwitchUser={!needsToken}
          onSaved={setName}
          onSignOut={onSignOut}
          onClose={() => {
            setIsOpen(false);
          }}
        />
      )}
    </header>
  );
}
