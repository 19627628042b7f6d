import type { ShownMessage } from '../message-rows.ts';
import { CheckIcon, ClockIcon } from './icons.tsx';

/** The state of a message of the user: pending, sent, seen, or failed with the possible actions. */
export function MessageState({
  message: { state, problem },
  receipt,
  onRetry,
  onDiscard,
}: {
  message: ShownMessage;
  receipt: 'sent' | 'seen' | null;
  onRetry: () => void;
  onDiscard: () => void;
}) {
  if (state === 'pending') {
    return (
      <span class="message-state">
        <ClockIcon /> Sending
      </span>
    );
  }
  if (state === 'failed') {
    return (
      <span key="failed" class="message-state message-state-failed" role="alert">
        Not sent{problem !== null && `: ${problem.title}`}.{' '}
        <button type="button" class="link-button" onClick={onRetry}>
          Retry
        </button>{' '}
        <button type="button" class="link-button" onClick={onDiscard}>
          Discard
        </button>
      </span>
    );
  }
  if (receipt === null) return null;
  return (
    <span class="message-state">
      <CheckIcon /> {receipt === 'seen' ? 'Seen' : 'Sent'}
    </span>
  );
}
