import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { LocalCassandraError } from './local-cassandra-error.ts';
import { cassandraFolder, projectFolder } from './project-folder.ts';

const run = promisify(execFile);

const pom = join(projectFolder, 'scripts', 'local-cassandra', 'pom.xml');
const notes = join(cassandraFolder, 'jars.json');

interface ResolvedJars {
  readonly pomChecksum: string;
  readonly jars: readonly string[];
}

async function pomChecksum(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(pom))
    .digest('hex');
}

/** The jars as Maven named them the last time, or null where the pom has changed since or one of them has gone. */
export async function jarsAtHand(): Promise<readonly string[] | null> {
  let resolved: ResolvedJars;
  try {
    resolved = JSON.parse(await readFile(notes, 'utf8')) as ResolvedJars;
  } catch {
    return null;
  }
  const good =
    resolved.pomChecksum === (await pomChecksum()) && resolved.jars.every((jar) => existsSync(jar));
  return good ? resolved.jars : null;
}

export async function hasMaven(javaHome: string): Promise<boolean> {
  return run('mvn', ['--version'], { env: { ...process.env, JAVA_HOME: javaHome } }).then(
    () => true,
    () => false,
  );
}

/** Lets Maven fetch the pom's jars into its local repository, and notes where they are for the next time. */
export async function resolveJars(
  javaHome: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  await mkdir(cassandraFolder, { recursive: true });
  const answer = join(cassandraFolder, `classpath-${process.pid}`);
  try {
    await run(
      'mvn',
      ['--batch-mode', '--quiet', '--file', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${answer}`],
      { env: { ...process.env, JAVA_HOME: javaHome }, ...(signal && { signal }) },
    );
    const jars = (await readFile(answer, 'utf8')).trim().split(delimiter);
    await writeFile(answer, JSON.stringify({ pomChecksum: await pomChecksum(), jars }, null, 2));
    // Renamed, so that a second start at the same time never reads half a file.
    await rename(answer, notes);
    return jars;
  } catch (error) {
    await rm(answer, { force: true });
    signal?.throwIfAborted();
    const { stdout = '' } = error as { stdout?: string };
    const why = /\[ERROR\] (.+)/.exec(stdout)?.[1] ?? String(error);
    throw new LocalCassandraError('start_failed', `Maven could not fetch the jars of Cassandra: ${why}`);
  }
}
