import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import { SendIcon } from './icons.tsx';

/** The limit of the service, in code points. */
const MAX_LENGTH = 20_000;

/** What was written and not sent, by user and conversation, until the page is closed. */
const drafts = new Map<string, string>();

/** The field to write in. It grows with its text. Enter sends, Shift+Enter starts a new line. */
export function Composer({
  fieldRef,
  draftOf,
  isDisabled,
  onSend,
}: {
  fieldRef: RefObject<HTMLTextAreaElement | null>;
  /** Identifies the user and the conversation whose draft this is. */
  draftOf: string;
  isDisabled: boolean;
  onSend: (content: string) => void;
}) {
  const [text, setText] = useState(drafts.get(draftOf) ?? '');
  const excess = lengthOf(text) - MAX_LENGTH;
  const canSend = !isDisabled && text.trim() !== '' && excess <= 0;

  const change = (next: string): void => {
    drafts.set(draftOf, next);
    setText(next);
  };
  const send = (): void => {
    if (!canSend) return;
    onSend(text);
    change('');
    fieldRef.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
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
          placeholder="Message"
          aria-label="Message"
          aria-keyshortcuts="Enter"
          enterkeyhint="send"
          dir="auto"
          onInput={(event) => {
            change(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            // During composition, Enter picks a character.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
      </div>
      <button type="submit" class="send-button" aria-label="Send" disabled={!canSend}>
        <SendIcon />
      </button>
    </form>
  );
}

/** The length of a text in code points. */
function lengthOf(text: string): number {
  return text.length <= MAX_LENGTH ? text.length : [...text].length;
}
