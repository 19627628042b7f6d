import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { respondsToCql, commandLine } from './processes.ts';
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

interface Lock {
  readonly pid: number;
  readonly commandLine: string | null;
  readonly contactPoints: readonly string[];
}

const ownLocks = new Set<string>();

/** The lock in a file; null if its owner has released it meanwhile. */
function read(file: string): Lock | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Lock;
  } catch {
    return null;
  }
}

/** Whether the owner of the lock runs. Process ids are reused, so the command line is compared, too. */
function isHeld(file: string, { pid, commandLine: line }: Lock): boolean {
  return pid === process.pid ? ownLocks.has(file) : line !== null && commandLine(pid) === line;
}

/** The lock of the process that runs the nodes of a folder; null if none does. */
export function findLock(folder: string): { readonly contactPoints: readonly string[] } | null {
  const locks = join(folder, 'locks');
  if (!existsSync(locks)) return null;
  for (const file of readdirSync(locks).map((entry) => join(locks, entry))) {
    const lock = read(file);
    if (lock !== null && isHeld(file, lock)) return lock;
  }
  return null;
}

/**
 * Locks a folder, so that only this process starts nodes in it, and returns the function that releases the lock. Throws a
 * `LocalCassandraError` if another process has locked it. Each process writes a lock file of its own before it reads those of
 * others: two concurrent processes may both fail, but never both succeed. Only lock files of ended processes are deleted.
 */
export function lockFolder(folder: string, contactPoints: readonly string[]): () => void {
  const locks = join(folder, 'locks');
  const name = `${randomUUID()}.json`;
  const own = join(locks, name);
  const unlock = (): void => {
    ownLocks.delete(own);
    rmSync(own, { force: true });
  };

  const lock: Lock = { pid: process.pid, commandLine: commandLine(process.pid), contactPoints };
  mkdirSync(locks, { recursive: true });
  writeFileSync(join(folder, name), JSON.stringify(lock));
  ownLocks.add(own);
  renameSync(join(folder, name), own);

  for (const file of readdirSync(locks).map((entry) => join(locks, entry))) {
    const other = file === own ? null : read(file);
    if (!other) continue;
    if (isHeld(file, other)) {
      unlock();
      throw new LocalCassandraError(
        'already_running',
        `The cluster in ${folder} is already running at ${other.contactPoints.join(', ')}, started by process ${other.pid}.`,
      );
    }
    rmSync(file, { force: true });
  }
  return unlock;
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
    const contactPoints = findLock(folder)?.contactPoints ?? [];
    const [address = '', port] = contactPoints[0]?.split(':') ?? [];
    if (port === undefined || !(await respondsToCql(address, Number(port)))) continue;
    return { ...env, STORAGE: 'cassandra', CASSANDRA_CONTACT_POINTS: contactPoints.join(',') };
  }
  return null;
}
