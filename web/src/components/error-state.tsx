import type { Problem } from 'cassandra-messenger-client';
import { reasonOf } from '../problems.ts';
import { EmptyState } from './empty-state.tsx';
import { AlertIcon } from './icons.tsx';

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
        <p>{reasonOf(problem)}</p>
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      </EmptyState>
    </div>
  );
}
