import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The location of the library of package `faketime`; on Debian, in a folder per architecture. */
const FOLDERS = ['/usr/lib', '/usr/local/lib'];

/** The library that gives a process another wall clock; null if it is not installed. */
export function findFaketime(): string | null {
  const places = FOLDERS.flatMap((folder) => [
    folder,
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  ]);
  return (
    places.map((path) => join(path, 'faketime/libfaketimeMT.so.1')).find((path) => existsSync(path)) ?? null
  );
}

/**
 * The environment variables that change the wall clock of a process, in `faketime` format: `+10y`, `-5s`, or
 * `@1970-01-02 00:00:00` to start there. The monotonic clock stays that of the host.
 */
export function wrongClock(library: string, clock: string): Record<string, string> {
  return { LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME: clock };
}

/** The same for a clock that can be set while the process runs. It starts as the host's clock. */
export function settableClock(library: string): {
  readonly env: Record<string, string>;
  readonly set: (clock: string) => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-clock-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, 'clock');
  const set = (clock: string): void => {
    // It is read all the time, so it is replaced atomically.
    writeFileSync(`${file}.new`, `${clock}\n`);
    renameSync(`${file}.new`, file);
  };
  set('+0s');
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
    },
    set,
  };
}
