import type { InboxState } from 'cassandra-messenger-client';
import { useRef, useState } from 'preact/hooks';
import type { Names } from '../people.ts';
import { useKeptFocus } from '../use-kept-focus.ts';
import { EmptyState } from './empty-state.tsx';
import { ErrorState } from './error-state.tsx';
import { ChatIcon } from './icons.tsx';
import { InboxItem } from './inbox-item.tsx';
import { InboxSkeleton } from './skeletons.tsx';

/** Closer to the end than this, in pixels, the next page is loaded. */
const LOAD_AHEAD = 400;

/** The conversations, latest activity first. Further pages are loaded on scrolling down. */
export function Inbox({
  inbox,
  userId,
  names,
  openId,
  today,
  onLoadMore,
  onWrite,
}: {
  inbox: InboxState;
  userId: string;
  names: Names;
  openId: string | null;
  /** Changes with the day; the shown times depend on it. */
  today: string;
  onLoadMore: () => void;
  onWrite: () => void;
}) {
  const { status, entries, hasMore, moreStatus, problem } = inbox;
  const box = useRef<HTMLDivElement>(null);
  const [focusedId, setFocusedId] = useState<string | null>(null);
  useKeptFocus(box);
  if (entries.length === 0) {
    if (status === 'loading') return <InboxSkeleton />;
    if (status === 'failed') {
      return (
        <ErrorState title="Your conversations could not be loaded" problem={problem} onRetry={onLoadMore} />
      );
    }
    return (
      <EmptyState icon={<ChatIcon />} title="No conversations yet">
        <p>Send a message, and the conversation appears here.</p>
        <button type="button" class="button button-primary" onClick={onWrite}>
          New conversation
        </button>
      </EmptyState>
    );
  }

  const isListed = (wanted: string | null): boolean => entries.some(({ id }) => id === wanted);
  const tabStop = [focusedId, openId].find(isListed) ?? entries[0]?.id;
  return (
    <div
      ref={box}
      class="inbox"
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        const isNearEnd = scrollHeight - scrollTop - clientHeight < LOAD_AHEAD;
        if (isNearEnd && hasMore && moreStatus === 'ready') onLoadMore();
      }}
      onKeyDown={moveFocus}
    >
      <ul class="inbox-list">
        {entries.map((entry) => (
          <li
            key={entry.id}
            onFocusIn={() => {
              setFocusedId(entry.id);
            }}
          >
            <InboxItem
              entry={entry}
              userId={userId}
              names={names}
              isOpen={entry.id === openId}
              isTabStop={entry.id === tabStop}
              today={today}
            />
          </li>
        ))}
      </ul>
      {status === 'failed' || moreStatus === 'failed' ? (
        <p class="inbox-end" role="alert">
          More conversations could not be loaded.{' '}
          <button type="button" class="link-button" onClick={onLoadMore}>
            Try again
          </button>
        </p>
      ) : (
        hasMore && (
          <button
            type="button"
            class="inbox-more link-button"
            onClick={onLoadMore}
            disabled={moreStatus === 'loading'}
          >
            {moreStatus === 'loading' ? 'Loading…' : 'Show more'}
          </button>
        )
      )}
    </div>
  );
}

/** The arrow keys, Home and End move between conversations. The Tab key leaves them. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const links = [...event.currentTarget.querySelectorAll('a')];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  const next = to === undefined || at < 0 ? undefined : links[to];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
