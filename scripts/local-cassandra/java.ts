import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const usualFolders = [
  '/usr/lib/jvm',
  '/Library/Java/JavaVirtualMachines',
  '/opt/homebrew/opt',
  '/usr/local/opt',
];

async function usualHomes(): Promise<string[]> {
  const listed = await Promise.all(
    usualFolders.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => name.includes('17')).map((name) => join(folder, name));
    }),
  );
  return listed.flat().flatMap((home) => [home, join(home, 'Contents', 'Home')]);
}

/** The home of the Java behind this command where it is a Java 17, else null. */
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
 * The home of a Java 17: JAVA_HOME, the `java` on PATH, or one in the usual folders, in this order; null where
 * there is none. Cassandra 5.0 runs on 11 and 17 and refuses later ones.
 */
export async function findJavaHome(): Promise<string | null> {
  const given = process.env['JAVA_HOME'];
  const commands = [
    ...(given ? [join(given, 'bin', 'java')] : []),
    'java',
    ...(await usualHomes()).map((home) => join(home, 'bin', 'java')),
  ];
  for (const command of commands) {
    const home = await homeOfJava17(command);
    if (home) return home;
  }
  return null;
}
