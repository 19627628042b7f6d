import { useEffect, useState } from 'preact/hooks';

/** What the page shows. It is in the fragment of the address, as `#/user/conversation`, so a reload keeps it. */
export interface Route {
  /** Null if no user is signed in. */
  readonly userId: string | null;
  /** Null if no conversation is open. */
  readonly conversationId: string | null;
}

export function parseRoute(fragment: string): Route {
  const [userId = '', conversationId = ''] = fragment.replace(/^#\/?/, '').split('/').map(decoded);
  return { userId: userId || null, conversationId: conversationId || null };
}

/** The link to a route. */
export function linkTo(userId: string, conversationId: string | null = null): string {
  const parts = conversationId === null ? [userId] : [userId, conversationId];
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

/** Goes to a link. With `replace`, the Back button skips the current route. */
export function goTo(link: string, { replace = false } = {}): void {
  if (!replace) {
    location.hash = link;
    return;
  }
  history.replaceState(null, '', link);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/** The current route. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const read = (): void => {
      setRoute(parseRoute(location.hash));
    };
    addEventListener('hashchange', read);
    return () => {
      removeEventListener('hashchange', read);
    };
  }, []);
  return route;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
