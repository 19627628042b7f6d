import type { ComponentChildren } from 'preact';

/** Shown instead of an empty list: its purpose, and what the user can do. */
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
