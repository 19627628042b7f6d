import type { InboxState } from 'cassandra-messenger-client';
import type { Names } from '../people.ts';
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
  onLoadMore,
  onWrite,
}: {
  inbox: InboxState;
  userId: string;
  names: Names;
  openId: string | null;
  onLoadMore: () => void;
  onWrite: () => void;
}) {
  const { status, entries, hasMore, moreStatus, problem } = inbox;
  if (entries.length === 0) {
    if (status === 'loading') return <InboxSkeleton />;
    if (status === 'failed') {
      return (
        <ErrorState title="Your conversations could not be loaded" problem={problem} onRetry={onLoadMore} />
      );
    }
    return (
      <EmptyState icon={<ChatIcon />} title="No conversations yet">
        <p>Write to somebody, and the conversation appears here.</p>
        <button type="button" class="button button-primary" onClick={onWrite}>
          New conversation
        </button>
      </EmptyState>
    );
  }

  const now = new Date();
  return (
    <div
      class="inbox"
      onScroll={({ currentTarget: box }) => {
        const isNearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < LOAD_AHEAD;
        if (isNearEnd && hasMore && moreStatus === 'ready') onLoadMore();
      }}
      onKeyDown={moveFocus}
    >
      <ul class="inbox-list">
        {entries.map((entry) => (
          <li key={entry.id}>
            <InboxItem entry={entry} userId={userId} names={names} isOpen={entry.id === openId} now={now} />
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

/** The arrow keys move between conversations, besides Tab. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const links = [...event.currentTarget.querySelectorAll('a')];
  const next = links[links.indexOf(document.activeElement as HTMLAnchorElement) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
