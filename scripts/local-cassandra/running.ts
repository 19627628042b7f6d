import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersCql, commandLine } from './processes.ts';
import { projectCluster } from './project.ts';

/**
 * Why a local cluster could not be started: `missing` (Java or Maven), `already_running` (the cluster of the folder),
 * `port_taken` (or the host does not have the address), `start_failed` (the message ends with the log).
 */
export type LocalCassandraFailure = 'missing' | 'already_running' | 'port_taken' | 'start_failed';

/** The cluster cannot be started. The message is for people, and is printed unchanged. */
export class LocalCassandraError extends Error {
  readonly failure: LocalCassandraFailure;

  constructor(failure: LocalCassandraFailure, message: string) {
    super(message);
    this.name = 'LocalCassandraError';
    this.failure = failure;
  }
}

interface Claim {
  readonly pid: number;
  readonly commandLine: string | null;
  readonly contactPoints: readonly string[];
}

const mine = new Set<string>();

/** The claim in a file; null if its owner has released it meanwhile. */
function read(file: string): Claim | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Claim;
  } catch {
    return null;
  }
}

/** Whether the owner of the claim runs. Process ids are reused, so the command line is compared, too. */
function isHeld(file: string, { pid, commandLine: line }: Claim): boolean {
  return pid === process.pid ? mine.has(file) : line !== null && commandLine(pid) === line;
}

/** The claim of the process that runs the nodes of a folder; null if none does. */
export function heldClaim(folder: string): { readonly contactPoints: readonly string[] } | null {
  const claims = join(folder, 'claims');
  if (!existsSync(claims)) return null;
  for (const file of readdirSync(claims).map((entry) => join(claims, entry))) {
    const claim = read(file);
    if (claim !== null && isHeld(file, claim)) return claim;
  }
  return null;
}

/**
 * Locks a folder, so that only this process starts nodes in it, and returns the function that releases the lock. Throws a
 * `LocalCassandraError` if another process has it. Each claim is a file of its own, which is written before the others
 * are read: two concurrent processes may both fail, but never both succeed. Only claims of ended processes are deleted.
 */
export function claimFolder(folder: string, contactPoints: readonly string[]): () => void {
  const claims = join(folder, 'claims');
  const name = `${randomUUID()}.json`;
  const own = join(claims, name);
  const giveUp = (): void => {
    mine.delete(own);
    rmSync(own, { force: true });
  };

  const claim: Claim = { pid: process.pid, commandLine: commandLine(process.pid), contactPoints };
  mkdirSync(claims, { recursive: true });
  writeFileSync(join(folder, name), JSON.stringify(claim));
  mine.add(own);
  renameSync(join(folder, name), own);

  for (const file of readdirSync(claims).map((entry) => join(claims, entry))) {
    const other = file === own ? null : read(file);
    if (!other) continue;
    if (isHeld(file, other)) {
      giveUp();
      throw new LocalCassandraError(
        'already_running',
        `The cluster in ${folder} is already running at ${other.contactPoints.join(', ')}, started by process ${other.pid}.`,
      );
    }
    rmSync(file, { force: true });
  }
  return giveUp;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The folders of the clusters that `npm run cassandra` and `npm run start:cassandra` run. */
const FOLDERS = Array.from({ length: 9 }, (_, index) => projectCluster(index + 1).directory);

/**
 * `env` with a storage: its own; Cassandra if only contact points are set; or the local Cassandra that
 * `npm run cassandra` or `npm run start:cassandra` runs, if it answers. Null if there is none of these.
 */
export async function withLocalCassandra(
  env: Environment,
  folders: readonly string[] = FOLDERS,
): Promise<Environment | null> {
  if (env['STORAGE']) return env;
  if (env['CASSANDRA_CONTACT_POINTS']) return { ...env, STORAGE: 'cassandra' };
  for (const folder of folders) {
    const contactPoints = heldClaim(folder)?.contactPoints ?? [];
    const [address = '', port] = contactPoints[0]?.split(':') ?? [];
    if (port === undefined || !(await answersCql(address, Number(port)))) continue;
    return { ...env, STORAGE: 'cassandra', CASSANDRA_CONTACT_POINTS: contactPoints.join(',') };
  }
  return null;
}
