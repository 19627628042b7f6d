import type { MessengerClient, OpenConversation, Store } from 'cassandra-messenger-client';
import { useEffect, useRef, useState } from 'preact/hooks';
import { nameOf, USER_ID, type Names } from '../people.ts';
import { failureOf } from '../problems.ts';
import { Avatar } from './avatar.tsx';
import { Dialog } from './dialog.tsx';
import { PersonField } from './person-field.tsx';

/** The name and the members of a group: rename, add, remove, leave. */
export function GroupDialog({
  client: { userId },
  store,
  group,
  names,
  onClose,
}: {
  client: Pick<MessengerClient, 'userId'>;
  store: Store;
  group: NonNullable<OpenConversation['conversation']>;
  names: Names;
  onClose: () => void;
}) {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [name, setName] = useState<string | null>(null);
  const [added, setAdded] = useState('');
  const addField = useRef<HTMLInputElement>(null);
  const [isLeaving, setIsLeaving] = useState(false);
  const { participant_ids: members, creator_id } = group;
  const isMember = members.includes(userId);
  const newId = added.trim();
  const canAdd = USER_ID.test(newId) && !members.includes(newId);
  // Until the user types, the name follows that of the group.
  const shownName = name ?? group.name ?? '';
  const newName = shownName.trim();

  useEffect(() => {
    store.loadNames(members);
  }, [store, members]);

  const change = async (act: () => Promise<void>, then: () => void = () => undefined): Promise<void> => {
    if (isBusy) return;
    setIsBusy(true);
    setProblem(null);
    try {
      await act();
      then();
    } catch (error) {
      setProblem(failureOf(error, 'The group was', 'changed'));
    }
    setIsBusy(false);
  };

  return (
    <Dialog title="Group" onClose={onClose}>
      {isMember && (
        <form
          class="dialog-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (newName !== '' && newName !== group.name) {
              void change(
                () => store.rename(newName),
                () => {
                  setName(null);
                },
              );
            }
          }}
        >
          <label for="group-name">Name of the group</label>
          <div class="field-row">
            <input
              id="group-name"
              class="field"
              value={shownName}
              maxLength={100}
              autocomplete="off"
              onInput={(event) => {
                setName(event.currentTarget.value);
              }}
            />
            <button type="submit" class="button" disabled={newName === ''}>
              Rename
            </button>
          </div>
        </form>
      )}
      <section class="dialog-form">
        <h3 id="members">Members ({members.length})</h3>
        <p class="visually-hidden" role="status">{`${members.length} members`}</p>
        <ul class="members" aria-labelledby="members">
          {members.map((id) => (
            <li key={id} class="member">
              <Avatar id={id} name={nameOf(id, names)} size="small" />
              <span class="person-name" dir="auto">
                {nameOf(id, names)}
                {id === userId && ' (you)'}
              </span>
              {id === creator_id && <span class="hint">Creator</span>}
              {creator_id === userId && id !== userId && (
                <button
                  type="button"
                  class="link-button"
                  aria-label={`Remove ${nameOf(id, names)}`}
                  onClick={() => void change(() => store.removeParticipant(id))}
                >
                  Remove
                </button>
              )}
            </li>
          ))}
        </ul>
      </section>
      {isMember && (
        <form
          class="dialog-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (!canAdd) return;
            void change(
              () => store.addParticipant(newId),
              () => {
                setAdded('');
                addField.current?.focus();
              },
            );
          }}
        >
          <label for="new-member">Add a member</label>
          <PersonField
            id="new-member"
            inputRef={addField}
            text={added}
            placeholder="User id"
            hint="New members see the messages from now on."
            onText={setAdded}
          >
            <button type="submit" class="button" disabled={!canAdd}>
              Add
            </button>
          </PersonField>
        </form>
      )}
      {problem !== null && (
        <p class="notice notice-error" role="alert">
          {problem}
        </p>
      )}
      {isMember && (
        <div class="dialog-actions">
          {isLeaving ? (
            <>
              <p>You keep the messages up to now, and get no new ones.</p>
              <button
                type="button"
                class="button button-danger"
                onClick={() => void change(() => store.removeParticipant(userId), onClose)}
              >
                Leave
              </button>
              <button
                ref={focusElement}
                type="button"
                class="button"
                onClick={() => {
                  setIsLeaving(false);
                }}
              >
                Stay
              </button>
            </>
          ) : (
            <button
              type="button"
              class="button"
              onClick={() => {
                setIsLeaving(true);
              }}
            >
              Leave the group
            </button>
          )}
        </div>
      )}
    </Dialog>
  );
}

/** Focuses an element when it is added. */
function focusElement(element: HTMLElement | null): void {
  element?.focus();
}
