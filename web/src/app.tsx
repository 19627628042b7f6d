import { useEffect, useState } from 'preact/hooks';
import { MessengerPage } from './components/messenger-page.tsx';
import { SignIn } from './components/sign-in.tsx';
import { SignInWithToken } from './components/sign-in-with-token.tsx';
import { needsToken } from './page.ts';
import { USER_ID } from './people.ts';
import { goTo, linkTo, useRoute } from './route.ts';
import { storedToken, storeToken } from './token.ts';
import { userOfToken } from './token-user.ts';

/** The sign-in page, or the messenger. */
export function App() {
  return needsToken ? <AppWithToken /> : <AppWithoutToken />;
}

/** Without authentication the user is in the address, so each tab can have another user. */
function AppWithoutToken() {
  const { userId, conversationId } = useRoute();
  if (userId === null || !USER_ID.test(userId))
    return (
      <SignIn
        onSignIn={(id) => {
          goTo(linkTo(id));
        }}
      />
    );
  return (
    <MessengerPage
      key={userId}
      userId={userId}
      token={null}
      conversationId={conversationId}
      onSignOut={() => {
        goTo('#/');
      }}
    />
  );
}

function AppWithToken() {
  const { userId: routeUserId, conversationId } = useRoute();
  const [token, setToken] = useState(storedToken);
  const [reason, setReason] = useState<string | null>(null);
  const userId = token === null ? null : userOfToken(token);

  // The address of another user shows the inbox of the signed-in user.
  useEffect(() => {
    if (userId !== null && routeUserId !== userId) goTo(linkTo(userId), { replace: true });
  }, [userId, routeUserId]);

  const change = (next: string | null, why: string | null): void => {
    storeToken(next);
    setToken(next);
    setReason(why);
  };

  if (token === null || userId === null) {
    return (
      <SignInWithToken
        reason={reason}
        onSignIn={(next) => {
          change(next, null);
        }}
      />
    );
  }
  return (
    <MessengerPage
      key={token}
      userId={userId}
      token={token}
      conversationId={routeUserId === userId ? conversationId : null}
      onSignOut={(why) => {
        change(null, why ?? null);
      }}
    />
  );
}
