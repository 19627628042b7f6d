import { useState } from 'preact/hooks';
import { userOfToken } from '../token-user.ts';
import { SignInPage } from './sign-in-page.tsx';

/** The page with authentication: the user pastes a token. `reason` says why an earlier one is no longer used. */
export function SignInWithToken({
  reason,
  onSignIn,
}: {
  reason: string | null;
  onSignIn: (token: string) => void;
}) {
  const [text, setText] = useState('');
  const token = text.trim();
  const userId = userOfToken(token);
  return (
    <SignInPage title="Sign in">
      {reason !== null && (
        <p class="notice notice-error" role="alert">
          {reason}
        </p>
      )}
      <form
        class="sign-in-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (userId !== null) onSignIn(token);
        }}
      >
        <label for="token">Token</label>
        <textarea
          id="token"
          class="field field-token"
          rows={5}
          value={text}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          aria-describedby="token-hint"
          aria-invalid={token !== '' && userId === null}
          onInput={(event) => {
            setText(event.currentTarget.value);
          }}
        />
        <p id="token-hint" class="hint">
          {token === '' ? (
            <>
              Paste a token of this service. For development, <code>npm run token -- --user 1</code> makes
              one.
            </>
          ) : userId === null ? (
            'This is not a token (JWT) with a user.'
          ) : (
            `This is a token of the user ${userId}.`
          )}
        </p>
        <button type="submit" class="button button-primary" disabled={userId === null}>
          Continue
        </button>
      </form>
    </SignInPage>
  );
}
