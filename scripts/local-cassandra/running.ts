import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersCql, commandLine } from './processes.ts';
import { projectCluster } from './project.ts';

/**
 * Why a local cluster could not be started: `missing` (Java or Maven), `already_running` (the folder has its
 * cluster), `port_taken` (or an address that this host lacks), `start_failed` (the message ends with the log).
 */
export type LocalCassandraFailure = 'missing' | 'already_running' | 'port_taken' | 'start_failed';

/** A reason that a person can act on; the message is one to print as it is. */
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

/** The claim in a file, or null where its holder gave it up meanwhile. */
function read(file: string): Claim | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Claim;
  } catch {
    return null;
  }
}

/** A process id is used again some day, so it counts only together with its command line. */
function isHeld(file: string, { pid, commandLine: line }: Claim): boolean {
  return pid === process.pid ? mine.has(file) : line !== null && commandLine(pid) === line;
}

/** The claim of the living process that runs the nodes in a folder, or null. */
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
 * Makes this process the only one that starts nodes in a folder; returns the function that gives it up. Throws a
 * LocalCassandraError where another holds it. Each claim is a file of its own, written before the others are read:
 * of two processes in the same instant both may be refused, but never both let in, and clearing away what a dead
 * one left can't hit a living one's.
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

/** Where data, logs and configuration of the clusters lie that people of this project run. */
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
