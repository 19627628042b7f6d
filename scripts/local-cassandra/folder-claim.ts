import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalCassandraError } from './local-cassandra-error.ts';
import { commandLine } from './processes.ts';

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
