import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { useKeptFocus } from '../use-kept-focus.ts';
import { CloseIcon } from './icons.tsx';

/** A modal dialog. The browser keeps the focus inside, and closes it with Escape. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useKeptFocus(dialog, () => heading.current);
  useLayoutEffect(() => {
    const box = dialog.current;
    box?.showModal();
    return () => {
      // Closing it, and not only removing it, gives the focus back.
      box?.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      onClose={() => {
        // An event of a dialog that was removed.
        if (dialog.current !== null) onClose();
      }}
      onClick={(event) => {
        // The dialog has no padding of its own, so this is a click on the backdrop.
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="dialog-content">
        <header class="dialog-header">
          <h2 ref={heading} id={id} tabIndex={-1}>
            {title}
          </h2>
          <button
            type="button"
            class="icon-button"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
