import { clientFailures } from './client.ts';
import { checkContract } from './contract.ts';
import type { Runtime } from './runtimes.ts';
import { startService, type RunningService } from './service.ts';
import { relativeSpeed } from './speed.ts';
import { assertStopsGracefully } from './graceful-stop.ts';

/** The results of the service on one runtime with one storage. */
export interface RuntimeResult {
  /** Clauses of the HTTP contract. */
  readonly passed: number;
  /** The failures, each of one or more lines. */
  readonly failures: readonly string[];
  /** Milliseconds from the start of the process until it was ready: the minimum of several starts. */
  readonly readyAfterMs: number;
  /** Memory of the ready process before the first request. */
  readonly residentMb: number;
  /** Throughput relative to the reference. */
  readonly speed: number;
}

const STARTS = 3;

/** Tests a runtime with `settings` against the contract, and compares its speed with the idle service at `referenceUrl`. */
export async function testRuntime(
  runtime: Runtime,
  settings: Readonly<Record<string, string>>,
  referenceUrl: string,
): Promise<RuntimeResult> {
  let service = await startService(runtime, settings);
  let readyAfterMs = service.readyAfterMs;
  for (let start = 1; start < STARTS; start += 1) {
    await service.end('SIGKILL');
    service = await startService(runtime, settings);
    readyAfterMs = Math.min(readyAfterMs, service.readyAfterMs);
  }
  try {
    const residentMb = service.residentMb();
    const { passed, broken } = await checkContract(service.url);
    const failures = broken.map(({ clause, error }) => `${clause}\n${textOf(error)}`);
    failures.push(...(await clientFailures(service.url, runtime)));
    const speed = await relativeSpeed(service.url, referenceUrl);
    failures.push(...(await stopFailures(service, runtime)));
    return { passed, failures, readyAfterMs, residentMb, speed };
  } finally {
    await service.end('SIGKILL');
  }
}

async function stopFailures(service: RunningService, runtime: Runtime): Promise<string[]> {
  try {
    await assertStopsGracefully(service, runtime);
    return [];
  } catch (error) {
    return [`SIGTERM finishes what is in progress\n${textOf(error)}`];
  }
}

/** The messages of an error and its causes, since `fetch` gives details only in the cause. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause === undefined ? message : `${message}: ${textOf(cause)}`;
}
