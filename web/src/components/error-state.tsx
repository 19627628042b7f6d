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
        <p>{reasonOf(problem)}</p>
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      </EmptyState>
    </div>
  );
}

function reasonOf(problem: Problem | null): string {
  if (problem === null) return 'No response arrived. The service may be down, or there is no connection.';
  // This is a response of something else, such as a proxy.
  if (problem.type === 'about:blank') return `The response was an error with the status ${problem.status}.`;
  return problem.detail;
}
