import type { ComponentChildren } from 'preact';

/** The frame of both pages on which one signs in. */
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
