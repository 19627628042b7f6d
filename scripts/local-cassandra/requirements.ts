import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cassandraFolder, projectFolder } from './project.ts';
import { LocalCassandraError } from './running.ts';

const run = promisify(execFile);

const COMMON_FOLDERS = [
  '/usr/lib/jvm',
  '/Library/Java/JavaVirtualMachines',
  '/opt/homebrew/opt',
  '/usr/local/opt',
];

async function commonJavaHomes(): Promise<string[]> {
  const listed = await Promise.all(
    COMMON_FOLDERS.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => name.includes('17')).map((name) => join(folder, name));
    }),
  );
  return listed.flat().flatMap((home) => [home, join(home, 'Contents', 'Home')]);
}

/** The home of the Java that this command runs; null if it is not Java 17. */
async function homeOfJava17(command: string): Promise<string | null> {
  try {
    const { stderr } = await run(command, ['-XshowSettings:properties', '-version']);
    if (!/^\s*java\.specification\.version = 17$/m.test(stderr)) return null;
    return /^\s*java\.home = (.+)$/m.exec(stderr)?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * The home of a Java 17: JAVA_HOME, the `java` on the PATH, or one in the usual folders, in this order; null if there is
 * none. Cassandra 5.0 runs on Java 11 and 17, and not on later versions.
 */
async function findJavaHome(): Promise<string | null> {
  const javaHome = process.env['JAVA_HOME'];
  const commands = [
    ...(javaHome ? [join(javaHome, 'bin', 'java')] : []),
    'java',
    ...(await commonJavaHomes()).map((home) => join(home, 'bin', 'java')),
  ];
  for (const command of commands) {
    const home = await homeOfJava17(command);
    if (home) return home;
  }
  return null;
}

const pom = join(projectFolder, 'scripts', 'local-cassandra', 'pom.xml');
const jarList = join(cassandraFolder, 'jars.json');

interface ResolvedJars {
  readonly pomChecksum: string;
  readonly jars: readonly string[];
}

async function pomChecksum(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(pom))
    .digest('hex');
}

/** The jars that Maven listed at the last run; null if the pom has changed since, or if a jar is missing. */
async function cachedJars(): Promise<readonly string[] | null> {
  let resolved: ResolvedJars;
  try {
    resolved = JSON.parse(await readFile(jarList, 'utf8')) as ResolvedJars;
  } catch {
    return null;
  }
  const isValid =
    resolved.pomChecksum === (await pomChecksum()) && resolved.jars.every((jar) => existsSync(jar));
  return isValid ? resolved.jars : null;
}

async function hasMaven(javaHome: string): Promise<boolean> {
  return run('mvn', ['--version'], { env: { ...process.env, JAVA_HOME: javaHome } }).then(
    () => true,
    () => false,
  );
}

/** Runs Maven, which fetches the pom's jars into its local repository, and stores their paths for the next run. */
async function resolveJars(javaHome: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
  await mkdir(cassandraFolder, { recursive: true });
  const temporaryFile = join(cassandraFolder, `classpath-${process.pid}`);
  try {
    await run(
      'mvn',
      [
        '--batch-mode',
        '--quiet',
        '--file',
        pom,
        'dependency:build-classpath',
        `-Dmdep.outputFile=${temporaryFile}`,
      ],
      { env: { ...process.env, JAVA_HOME: javaHome }, ...(signal && { signal }) },
    );
    const jars = (await readFile(temporaryFile, 'utf8')).trim().split(delimiter);
    await writeFile(temporaryFile, JSON.stringify({ pomChecksum: await pomChecksum(), jars }, null, 2));
    // Written under another name and then renamed, so that a concurrent start never reads an incomplete file.
    await rename(temporaryFile, jarList);
    return jars;
  } catch (error) {
    await rm(temporaryFile, { force: true });
    signal?.throwIfAborted();
    const { stdout = '' } = error as { stdout?: string };
    const why = /\[ERROR\] (.+)/.exec(stdout)?.[1] ?? String(error);
    throw new LocalCassandraError('start_failed', `Maven could not fetch the jars of Cassandra: ${why}`);
  }
}

const MISSING = {
  system: 'Local Cassandra does not run on Windows: use the Windows Subsystem for Linux.',
  java: 'Local Cassandra needs Java 17: install an OpenJDK 17 runtime, or set JAVA_HOME to its folder.',
  maven: 'Local Cassandra needs Maven to fetch its jars once: install Maven so that `mvn` is on the PATH.',
};

type Requirements = { missing: string } | { missing: null; javaHome: string; jars: readonly string[] | null };

async function checkRequirements(): Promise<Requirements> {
  if (process.platform === 'win32') return { missing: MISSING.system };
  const javaHome = await findJavaHome();
  if (!javaHome) return { missing: MISSING.java };
  const jars = await cachedJars();
  if (!jars && !(await hasMaven(javaHome))) return { missing: MISSING.maven };
  return { missing: null, javaHome, jars };
}

/** The missing requirement of local Cassandra on this host, as a sentence that says what to install; null if all are met. */
export async function localCassandraMissing(): Promise<string | null> {
  return (await checkRequirements()).missing;
}

/**
 * The home of a Java 17, and the jars of Cassandra, which Maven fetches if they are missing. Throws a
 * `LocalCassandraError` that says what to install.
 */
export async function meetRequirements({
  log,
  signal,
}: {
  log: (line: string) => void;
  signal: AbortSignal | undefined;
}): Promise<{ javaHome: string; jars: readonly string[] }> {
  const requirements = await checkRequirements();
  if (requirements.missing !== null) throw new LocalCassandraError('missing', requirements.missing);
  if (requirements.jars) return { javaHome: requirements.javaHome, jars: requirements.jars };
  log('Maven fetches the jars of Cassandra (the first time about 70 MB)');
  return { javaHome: requirements.javaHome, jars: await resolveJars(requirements.javaHome, signal) };
}
