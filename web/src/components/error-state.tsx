import type { Problem } from 'cassandra-messenger-client';
import { AlertIcon } from './icons.tsx';
import { EmptyState } from './empty-state.tsx';

/** A failed load. `problem` is null if no response arrived. */
export function ErrorState({
  title,
  problem,
  onRetry,
}: {
  title: string;
  problem: Problem | null;
  onRetry: () => void;
}) {
  return (
    <div role="alert">
      <EmptyState icon={<AlertIcon />} title={title}>
        <p>{problem?.detail ?? 'No response arrived. The service may be down, or there is no connection.'}</p>
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      </EmptyState>
    </div>
  );
}
