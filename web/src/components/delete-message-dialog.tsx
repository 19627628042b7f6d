import { useState } from 'preact/hooks';
import { failureOf } from '../problems.ts';
import { Dialog } from './dialog.tsx';

/** Asks before a message is deleted. */
export function DeleteMessageDialog({
  onDelete,
  onClose,
}: {
  onDelete: () => Promise<void>;
  onClose: () => void;
}) {
  const [isDeleting, setIsDeleting] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const remove = async (): Promise<void> => {
    if (isDeleting) return;
    setIsDeleting(true);
    setProblem(null);
    try {
      await onDelete();
      onClose();
    } catch (error) {
      setProblem(failureOf(error, 'The message was', 'deleted'));
      setIsDeleting(false);
    }
  };

  return (
    <Dialog title="Delete this message?" onClose={onClose}>
      <p>Its text is deleted for everybody in the conversation.</p>
      {problem !== null && (
        <p class="notice notice-error" role="alert">
          {problem}
        </p>
      )}
      <div class="dialog-actions">
        <button type="button" class="button button-danger" autofocus onClick={() => void remove()}>
          Delete
        </button>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
