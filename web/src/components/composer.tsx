import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { drafts } from '../drafts.ts';
import { ComposerField, isSendable } from './composer-field.tsx';
import { SendIcon } from './icons.tsx';

/** The field to write a message in. Enter sends; while sending is disabled, as soon as it is enabled. */
export function Composer({
  fieldRef,
  draftOf,
  isDisabled,
  onSend,
}: {
  fieldRef: RefObject<HTMLTextAreaElement | null>;
  /** The key of the draft. */
  draftOf: string;
  isDisabled: boolean;
  onSend: (content: string) => void;
}) {
  const [text, setText] = useState(drafts.get(draftOf) ?? '');
  /** Whether Enter was pressed while sending was disabled, and the text is still the same. */
  const [isWaiting, setIsWaiting] = useState(false);
  const canSend = !isDisabled && isSendable(text);

  const change = (next: string): void => {
    drafts.set(draftOf, next);
    setText(next);
    setIsWaiting(false);
  };
  const send = (): void => {
    setIsWaiting(isDisabled);
    if (!canSend) return;
    onSend(text);
    change('');
  };
  useEffect(() => {
    if (isWaiting) send();
  }, [isDisabled]);

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
        fieldRef.current?.focus();
      }}
    >
      <ComposerField fieldRef={fieldRef} text={text} label="Message" onInput={change} onEnter={send} />
      <button type="submit" class="send-button" aria-label="Send" disabled={!canSend}>
        <SendIcon />
      </button>
    </form>
  );
}
