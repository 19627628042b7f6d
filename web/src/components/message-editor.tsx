import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { reasonOf } from '../problems.ts';
import { ComposerField, isSendable } from './composer-field.tsx';
import { CheckIcon, CloseIcon } from './icons.tsx';

/** The field to edit a message in, in the place of the composer. Enter saves, Escape cancels. */
export function MessageEditor({
  fieldRef,
  content,
  onSave,
  onClose,
}: {
  fieldRef: RefObject<HTMLTextAreaElement | null>;
  content: string;
  onSave: (content: string) => Promise<void>;
  onClose: () => void;
}) {
  const [text, setText] = useState(content);
  const [isSaving, setIsSaving] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const canSave = !isSaving && isSendable(text);

  useEffect(() => {
    const field = fieldRef.current;
    field?.focus();
    field?.setSelectionRange(content.length, content.length);
  }, []);

  const save = async (): Promise<void> => {
    if (!canSave) return;
    if (text === content) {
      onClose();
      return;
    }
    setIsSaving(true);
    setProblem(null);
    try {
      await onSave(text);
      onClose();
    } catch (error) {
      setProblem(reasonOf(error));
      setIsSaving(false);
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div class="composer-editing">
        <span role="status">Edit message</span>
        <button type="button" class="icon-button" aria-label="Cancel editing" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      {problem !== null && (
        <p class="composer-problem" role="alert">
          The message was not changed. {problem}
        </p>
      )}
      <ComposerField
        fieldRef={fieldRef}
        text={text}
        label="Message"
        onInput={setText}
        onEnter={() => void save()}
        onEscape={onClose}
      />
      <button type="submit" class="send-button" aria-label="Save" disabled={!canSave}>
        <CheckIcon />
      </button>
    </form>
  );
}
