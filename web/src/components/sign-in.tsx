import { createClient } from 'cassandra-messenger-client';
import { useEffect, useState } from 'preact/hooks';
import { baseUrl } from '../page.ts';
import { USER_ID } from '../people.ts';
import { Avatar } from './avatar.tsx';
import { SignInPage } from './sign-in-page.tsx';

/** The users of the test data. */
const TEST_USERS = ['1', '2', '3', '4', '5', '6', '7', '8'];

/** The page without authentication: the user picks a user id. */
export function SignIn({ onSignIn }: { onSignIn: (userId: string) => void }) {
  const [userId, setUserId] = useState('');
  const people = useTestUsers();
  const id = userId.trim();
  const isValid = USER_ID.test(id);
  return (
    <SignInPage title="Choose a user">
      <p class="sign-in-text">
        This service runs without authentication, so you can be any user. Open a second window as another user
        to see both sides of a conversation.
      </p>
      {people.length > 0 && (
        <ul class="people" aria-label="People in the test data">
          {people.map(({ id: personId, name }) => (
            <li key={personId}>
              <button
                type="button"
                class="person"
                onClick={() => {
                  onSignIn(personId);
                }}
              >
                <Avatar id={personId} name={name} />
                <span class="person-name">{name}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <form
        class="sign-in-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isValid) onSignIn(id);
        }}
      >
        <label for="user-id">{people.length > 0 ? 'Or enter a user id' : 'User id'}</label>
        <div class="field-row">
          <input
            id="user-id"
            class="field"
            value={userId}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            aria-describedby="user-id-hint"
            aria-invalid={id !== '' && !isValid}
            onInput={(event) => {
              setUserId(event.currentTarget.value);
            }}
          />
          <button type="submit" class="button button-primary" disabled={!isValid}>
            Continue
          </button>
        </div>
        <p id="user-id-hint" class="hint">
          {id !== '' && !isValid
            ? 'Use up to 64 letters, digits and . _ : @ - without spaces.'
            : 'Any user id works, such as alice. No registration is needed.'}
        </p>
      </form>
    </SignInPage>
  );
}

/** The users of the test data that this service has. If it has none, one request shows that. */
function useTestUsers(): readonly { readonly id: string; readonly name: string }[] {
  const [people, setPeople] = useState<readonly { id: string; name: string }[]>([]);
  useEffect(() => {
    const client = createClient({ baseUrl, userId: 'any-user' });
    const find = async (): Promise<void> => {
      const [first = '', ...others] = TEST_USERS;
      if ((await client.getUser(first)) === null) return;
      const users = await Promise.all([first, ...others].map((id) => client.getUser(id)));
      setPeople(users.flatMap((user) => (user === null ? [] : [{ id: user.id, name: user.username }])));
    };
    // Without them, the user can still enter an id.
    find().catch(() => undefined);
    return () => {
      client.close();
    };
  }, []);
  return people;
}
