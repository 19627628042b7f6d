import type { MessengerClient } from 'cassandra-messenger-client';
import { useState } from 'preact/hooks';
import { failureOf } from '../problems.ts';
import { Dialog } from './dialog.tsx';

/** The name of the user, a second window, and signing out. */
export function ProfileDialog({
  client,
  name,
  canSwitchUser,
  onSaved,
  onSignOut,
  onClose,
}: {
  client: MessengerClient;
  name: string;
  /** Whether a second window can have another user without a token. */
  canSwitchUser: boolean;
  onSaved: (name: string) => void;
  onSignOut: () => void;
  onClose: () => void;
}) {
  const [text, setText] = useState(name);
  const [state, setState] = useState<'editing' | 'saving' | 'failed'>('editing');
  const [problem, setProblem] = useState('');
  const isValid = text.trim() !== '';

  const save = async (): Promise<void> => {
    setState('saving');
    try {
      const user = await client.saveUser(text.trim());
      onSaved(user.username);
      onClose();
    } catch (error) {
      setProblem(failureOf(error, 'The name was', 'saved'));
      setState('failed');
    }
  };

  return (
    <Dialog title="Your profile" onClose={onClose}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isValid && state !== 'saving') void save();
        }}
      >
        <label for="username">Your name, as others see it</label>
        <div class="field-row">
          <input
            id="username"
            autofocus
            class="field"
            value={text}
            maxLength={100}
            autocomplete="off"
            onInput={(event) => {
              setText(event.currentTarget.value);
            }}
          />
          <button type="submit" class="button button-primary" disabled={!isValid || state === 'saving'}>
            Save
          </button>
        </div>
        {state === 'failed' && (
          <p class="notice notice-error" role="alert">
            {problem}
          </p>
        )}
        <p class="hint">Your user id is {client.userId}.</p>
      </form>
      <div class="dialog-actions">
        {canSwitchUser && (
          <a class="button" href={location.pathname} target="_blank" rel="noopener">
            Second window as another user
          </a>
        )}
        <button type="button" class="button" onClick={onSignOut}>
          {canSwitchUser ? 'Switch user' : 'Sign out'}
        </button>
      </div>
    </Dialog>
  );
}
