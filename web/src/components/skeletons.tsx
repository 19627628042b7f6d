/** Grey placeholders for content that is being loaded. */

export function InboxSkeleton() {
  return (
    <div class="inbox-skeleton" role="status">
      <span class="visually-hidden">Loading conversations</span>
      {[0, 1, 2, 3, 4, 5, 6].map((index) => (
        <div key={index} class="skeleton-row" aria-hidden="true">
          <span class="skeleton skeleton-avatar" />
          <span class="skeleton-lines">
            <span class="skeleton skeleton-line-short" />
            <span class="skeleton skeleton-line" />
          </span>
        </div>
      ))}
    </div>
  );
}

export function MessagesSkeleton() {
  return (
    <div class="messages-skeleton" role="status">
      <span class="visually-hidden">Loading messages</span>
      {['other', 'other', 'own', 'other', 'own', 'own'].map((side, index) => (
        <span key={index} class={`skeleton skeleton-bubble skeleton-bubble-${side}`} aria-hidden="true" />
      ))}
    </div>
  );
}
