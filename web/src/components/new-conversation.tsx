import type { InboxEntry, MessengerClient, Store } from 'cassandra-messenger-client';
import { useState } from 'preact/hooks';
import { suggestionsFor, USER_ID, type Names } from '../people.ts';
import { failureOf } from '../problems.ts';
import { Dialog } from './dialog.tsx';
import { PeopleList } from './people-list.tsx';
import { PersonField } from './person-field.tsx';

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
        <PersonField
          id="recipient"
          isFirst
          text={text}
          hint={
            query !== '' && !isUserId
              ? 'A user id has no spaces. Pick a person below, or enter an id.'
              : 'You can write to any user id, also to one that is new.'
          }
          onText={setText}
        >
          <button type="submit" class="button button-primary" disabled={!isUserId || isOpening}>
            Write
          </button>
        </PersonField>
        {problem !== null && (
          <p class="notice notice-error" role="alert">
            {problem}
          </p>
        )}
      </form>
      <PeopleList ids={people} names={names} isDisabled={isOpening} onPick={(id) => void openWith(id)} />
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onGroup}>
          New group
        </button>
      </div>
    </Dialog>
  );
}
