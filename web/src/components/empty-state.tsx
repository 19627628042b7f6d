import type { ComponentChildren } from 'preact';

/** What is shown where there is nothing: what this place is for, and what one can do. */
export function EmptyState({
  icon,
  title,
  children,
}: {
  icon: ComponentChildren;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty-state">
      <span class="empty-state-icon">{icon}</span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
