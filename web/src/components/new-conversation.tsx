import type { InboxEntry, MessengerClient, Store } from 'cassandra-messenger-client';
import { useState } from 'preact/hooks';
import { nameOf, suggestionsFor, USER_ID, type Names } from '../people.ts';
import { failureOf } from '../problems.ts';
import { Avatar } from './avatar.tsx';
import { Dialog } from './dialog.tsx';

/** Picks the user to write to: one of the inbox, or any user id. */
export function NewConversation({
  client,
  store,
  entries,
  names,
  onOpen,
  onGroup,
  onClose,
}: {
  client: MessengerClient;
  store: Store;
  entries: readonly InboxEntry[];
  names: Names;
  onOpen: (conversationId: string) => void;
  /** Called to create a group instead. */
  onGroup: () => void;
  onClose: () => void;
}) {
  const [text, setText] = useState('');
  const [isOpening, setIsOpening] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const query = text.trim();
  const isUserId = USER_ID.test(query);
  const people = suggestionsFor(query, entries, names, client.userId);

  const openWith = async (userId: string): Promise<void> => {
    setIsOpening(true);
    setProblem(null);
    try {
      onOpen(await store.openWith(userId));
    } catch (error) {
      setProblem(failureOf(error, 'The conversation was', 'started'));
      setIsOpening(false);
    }
  };

  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isUserId && !isOpening) void openWith(query);
        }}
      >
        <label for="recipient">Who do you want to write to?</label>
        <div class="field-row">
          <input
            id="recipient"
            autofocus
            class="field"
            value={text}
            placeholder="Name or user id"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            aria-describedby="recipient-hint"
            onInput={(event) => {
              setText(event.currentTarget.value);
            }}
          />
          <button type="submit" class="button button-primary" disabled={!isUserId || isOpening}>
            Write
          </button>
        </div>
        <p id="recipient-hint" class="hint">
          {query !== '' && !isUserId
            ? 'A user id has no spaces. Pick a person below, or enter an id.'
            : 'You can write to any user id, also to one that is new.'}
        </p>
        {problem !== null && (
          <p class="notice notice-error" role="alert">
            {problem}
          </p>
        )}
      </form>
      {people.length > 0 && (
        <ul class="people" aria-label="People you know">
          {people.map((id) => (
            <li key={id}>
              <button type="button" class="person" disabled={isOpening} onClick={() => void openWith(id)}>
                <Avatar id={id} name={nameOf(id, names)} size="small" />
                <span class="person-name">{nameOf(id, names)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onGroup}>
          New group
        </button>
      </div>
    </Dialog>
  );
}
