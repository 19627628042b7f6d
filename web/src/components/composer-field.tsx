import type { RefObject } from 'preact';

/** The limit of the service, in code points. */
const MAX_LENGTH = 20_000;

/** A field for the text of a message. It grows with its text. Shift+Enter starts a new line. */
export function ComposerField({
  fieldRef,
  text,
  label,
  onInput,
  onEnter,
  onEscape,
}: {
  fieldRef: RefObject<HTMLTextAreaElement | null>;
  text: string;
  label: string;
  onInput: (text: string) => void;
  onEnter: () => void;
  onEscape?: () => void;
}) {
  const excess = excessOf(text);
  return (
    <>
      {excess > 0 && (
        <p class="composer-problem" role="alert">
          {excess === 1 ? 'One character' : `${excess.toLocaleString('en')} characters`} too long to send
        </p>
      )}
      {/* The style sheet shows the text a second time, invisibly, which gives the field its height. */}
      <div class="composer-field" data-text={text}>
        <textarea
          ref={fieldRef}
          rows={1}
          value={text}
          placeholder={label}
          aria-label={label}
          aria-keyshortcuts="Enter"
          enterkeyhint="send"
          dir="auto"
          onInput={(event) => {
            onInput(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            // During composition, Enter picks a character.
            if (event.isComposing) return;
            if (event.key === 'Escape') onEscape?.();
            if (event.key !== 'Enter' || event.shiftKey) return;
            event.preventDefault();
            onEnter();
          }}
        />
      </div>
    </>
  );
}

/** Whether the service accepts the text. */
export function isSendable(text: string): boolean {
  return text.trim() !== '' && excessOf(text) <= 0;
}

/** The code points by which a text exceeds the limit; 0 or less if it does not. */
function excessOf(text: string): number {
  return (text.length <= MAX_LENGTH ? text.length : [...text].length) - MAX_LENGTH;
}
