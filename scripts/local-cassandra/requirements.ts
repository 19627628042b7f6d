import { findJavaHome } from './java.ts';
import { hasMaven, jarsAtHand, resolveJars } from './jars.ts';
import { LocalCassandraError } from './local-cassandra-error.ts';

const lacking = {
  system: 'Local Cassandra does not run on Windows itself: use the Windows Subsystem for Linux.',
  java: 'Local Cassandra needs Java 17: install an OpenJDK 17 runtime, or name the folder of one in JAVA_HOME.',
  maven: 'Local Cassandra needs Maven to fetch its jars once: install Maven so that `mvn` is on the PATH.',
};

type Look = { missing: string } | { missing: null; javaHome: string; jars: readonly string[] | null };

async function lookAround(): Promise<Look> {
  if (process.platform === 'win32') return { missing: lacking.system };
  const javaHome = await findJavaHome();
  if (!javaHome) return { missing: lacking.java };
  const jars = await jarsAtHand();
  if (!jars && !(await hasMaven(javaHome))) return { missing: lacking.maven };
  return { missing: null, javaHome, jars };
}

/** What local Cassandra lacks on this host, as a sentence that says what to install; null where it can start. */
export async function localCassandraMissing(): Promise<string | null> {
  return (await lookAround()).missing;
}

/**
 * The home of a Java 17 and the jars of Cassandra, which Maven fetches where it has not yet.
 * Throws a LocalCassandraError that says what to install.
 */
export async function meetRequirements({
  log,
  signal,
}: {
  log: (line: string) => void;
  signal: AbortSignal | undefined;
}): Promise<{ javaHome: string; jars: readonly string[] }> {
  const look = await lookAround();
  if (look.missing !== null) throw new LocalCassandraError('missing', look.missing);
  if (look.jars) return { javaHome: look.javaHome, jars: look.jars };
  log('Maven fetches the jars of Cassandra (the first time about 70 MB)');
  return { javaHome: look.javaHome, jars: await resolveJars(look.javaHome, signal) };
}
