import type { InboxEntry, MessengerClient } from 'cassandra-messenger-client';
import { useEffect, useState } from 'preact/hooks';
import { nameOf, suggestionsFor, USER_ID, type Names } from '../people.ts';
import { failureOf } from '../problems.ts';
import { Dialog } from './dialog.tsx';
import { CloseIcon } from './icons.tsx';
import { PeopleList } from './people-list.tsx';
import { PersonField } from './person-field.tsx';

/** How many others a group has at least. */
const MIN_OTHERS = 2;

/** Names a group and picks its members: people of the inbox, or any user ids. */
export function NewGroup({
  client,
  entries,
  names,
  onOpen,
  onClose,
}: {
  client: MessengerClient;
  entries: readonly InboxEntry[];
  names: Names;
  onOpen: (conversationId: string) => void;
  onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const [members, setMembers] = useState<readonly string[]>([]);
  const [isCreating, setIsCreating] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  // Until the dialog is closed.
  const [closing] = useState(() => new AbortController());
  useEffect(
    () => () => {
      closing.abort();
    },
    [],
  );

  const query = text.trim();
  const canAdd = (id: string): boolean => USER_ID.test(id) && id !== client.userId && !members.includes(id);
  const people = suggestionsFor(query, entries, names).filter(canAdd);
  const canCreate = name.trim() !== '' && members.length >= MIN_OTHERS && !isCreating;

  const add = (id: string): void => {
    if (!canAdd(id)) return;
    setMembers([...members, id]);
    setText('');
  };

  const create = async (): Promise<void> => {
    setIsCreating(true);
    setProblem(null);
    try {
      const group = { participantIds: members, name: name.trim() };
      const { id } = await client.createGroup(group, closing.signal);
      onOpen(id);
    } catch (error) {
      setProblem(failureOf(error, 'The group was', 'created'));
      setIsCreating(false);
    }
  };

  return (
    <Dialog title="New group" onClose={onClose}>
      <div class="dialog-form">
        <label for="new-group-name">Name of the group</label>
        <input
          id="new-group-name"
          autofocus
          class="field"
          value={name}
          maxLength={100}
          autocomplete="off"
          onInput={(event) => {
            setName(event.currentTarget.value);
          }}
        />
      </div>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          add(query);
        }}
      >
        <label for="new-group-member">Members</label>
        {members.length > 0 && (
          <ul class="chips" aria-label="Chosen members">
            {members.map((id) => (
              <li key={id} class="chip">
                <span class="person-name" dir="auto">
                  {nameOf(id, names)}
                </span>
                <button
                  type="button"
                  aria-label={`Remove ${nameOf(id, names)}`}
                  onClick={() => {
                    setMembers(members.filter((member) => member !== id));
                  }}
                >
                  <CloseIcon />
                </button>
              </li>
            ))}
          </ul>
        )}
        <PersonField
          id="new-group-member"
          text={text}
          hint={`Pick at least ${MIN_OTHERS} people below, or enter their user ids.`}
          onText={setText}
        >
          <button type="submit" class="button" disabled={!canAdd(query)}>
            Add
          </button>
        </PersonField>
      </form>
      <PeopleList ids={people} names={names} onPick={add} />
      {problem !== null && (
        <p class="notice notice-error" role="alert">
          {problem}
        </p>
      )}
      <div class="dialog-actions">
        <button
          type="button"
          class="button button-primary"
          disabled={!canCreate}
          onClick={() => void create()}
        >
          Create group
        </button>
      </div>
    </Dialog>
  );
}
