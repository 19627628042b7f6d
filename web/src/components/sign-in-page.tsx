import type { ComponentChildren } from 'preact';

/** The frame of both sign-in pages. */
export function SignInPage({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
