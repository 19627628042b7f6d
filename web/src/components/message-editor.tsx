import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { failureOf } from '../problems.ts';
import { ComposerField, isSendable } from './composer-field.tsx';
import { CheckIcon, CloseIcon } from './icons.tsx';

/** The field to edit a message in, in the place of the composer. Enter saves, Escape cancels. */
export function MessageEditor({
  fieldRef,
  content,
  draft,
  isDeleted,
  onInput,
  onSave,
  onClose,
}: {
  fieldRef: RefObject<HTMLTextAreaElement | null>;
  content: string;
  /** What the content is changed to so far. */
  draft: string;
  /** Whether the message was deleted since, such as in another window. */
  isDeleted: boolean;
  onInput: (text: string) => void;
  onSave: (content: string) => Promise<void>;
  onClose: () => void;
}) {
  const [text, setText] = useState(draft);
  const [isSaving, setIsSaving] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const canSave = !isSaving && !isDeleted && isSendable(text);

  const change = (next: string): void => {
    onInput(next);
    setText(next);
  };

  useEffect(() => {
    const field = fieldRef.current;
    field?.focus();
    field?.setSelectionRange(draft.length, draft.length);
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
      setProblem(failureOf(error, 'The message was', 'changed'));
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
      {(isDeleted || problem !== null) && (
        <p class="composer-problem" role="alert">
          {isDeleted ? 'The message was deleted, so it cannot be changed.' : problem}
        </p>
      )}
      <ComposerField
        fieldRef={fieldRef}
        text={text}
        label="Message"
        onInput={change}
        onEnter={() => void save()}
        onEscape={onClose}
      />
      <button type="submit" class="send-button" aria-label="Save" disabled={!canSave}>
        <CheckIcon />
      </button>
    </form>
  );
}
