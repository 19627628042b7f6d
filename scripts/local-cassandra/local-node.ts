import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { answersCql } from './cql.ts';
import { LocalCassandraError } from './local-cassandra-error.ts';
import { javaOptionsFile, logFolder, temporaryFolder } from './node-files.ts';
import { commandLine, tieToThisProcess } from './processes.ts';

const startBoundMs = 300_000;
const stopBoundMs = 20_000;
const pollMs = 100;

/** One Cassandra process of a local cluster. */
export interface LocalNode {
  readonly address: string;
  readonly port: number;
  /** The process id, or null while the node does not run. */
  readonly pid: number | null;
  /** Starts it, again after `kill` or `stop`, with the same data; resolves when it answers CQL. */
  start(): Promise<void>;
  /** SIGTERM, and SIGKILL after 20 s; resolves when the process has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** SIGSTOP: it hangs, its connections stay open. */
  suspend(): void;
  /** SIGCONT. */
  resume(): void;
  /** Resolves when the process that was started last has ended, however it did, with a sentence about it. */
  ended(): Promise<string>;
}

/** The last lines of a log that say something: no warnings of Java itself, no frames of a stack. */
function lastLines(file: string): string[] {
  const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n');
  return lines.filter((line) => line.trim() !== '' && !/^\s+(at|\.\.\.) |^WARNING: /.test(line)).slice(-10);
}

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<string>;
}

/** A node whose files are written, not yet started. */
export function localNode({
  folder,
  address,
  port,
  javaHome,
  signal,
}: {
  folder: string;
  address: string;
  port: number;
  javaHome: string;
  signal: AbortSignal | undefined;
}): LocalNode {
  const logs = logFolder(folder);
  // What Java and Cassandra print: nothing, as a rule, but why they could not start.
  const output = join(logs, 'output.log');
  const pidFile = join(folder, 'pid');
  let running: Running | null = null;
  let lastEnd: Promise<string> = Promise.resolve(`The node ${address}:${port} was never started.`);

  async function launch(): Promise<Running> {
    rmSync(temporaryFolder(folder), { recursive: true, force: true });
    mkdirSync(temporaryFolder(folder));
    const sink = openSync(output, 'w');
    const child = spawn(
      join(javaHome, 'bin', 'java'),
      [`@${javaOptionsFile(folder)}`, 'org.apache.cassandra.service.CassandraDaemon'],
      // Detached, so that Ctrl-C reaches the one who decides the order of stopping, and no node by itself.
      {
        cwd: folder,
        detached: true,
        stdio: ['ignore', sink, sink],
        env: { ...process.env, MALLOC_ARENA_MAX: '4' },
      },
    );
    closeSync(sink);
    await once(child, 'spawn');
    const pid = child.pid!;
    const tie = tieToThisProcess(pid);
    writeFileSync(pidFile, String(pid));
    const ended = once(child, 'exit').then(([code, by]) => {
      running = null;
      tie.kill();
      rmSync(pidFile, { force: true });
      return `The node ${address}:${port} has ended (${by ?? `exit code ${code}`}); its logs are in ${logs}`;
    });
    return { process: child, ended };
  }

  async function answering({ process: child, ended }: Running): Promise<void> {
    const deadline = Date.now() + startBoundMs;
    let end: string | null = null;
    while (!(await answersCql(address, port))) {
      signal?.throwIfAborted();
      if (end !== null) throw startFailed(end);
      if (Date.now() > deadline) {
        child.kill('SIGKILL');
        await ended;
        throw startFailed(
          `The node ${address}:${port} never answered, and was killed; its logs are in ${logs}`,
        );
      }
      end = await Promise.race([ended, wait(pollMs, null)]);
    }
  }

  function startFailed(why: string): LocalCassandraError {
    const said = lastLines(output);
    const lines = said.length > 0 ? said : lastLines(join(logs, 'system.log'));
    return new LocalCassandraError('start_failed', [why, ...lines].join('\n'));
  }

  function signalled(name: NodeJS.Signals): void {
    if (!running) throw new Error(`the node ${address}:${port} does not run`);
    running.process.kill(name);
  }

  return {
    address,
    port,
    get pid() {
      return running?.process.pid ?? null;
    },
    async start() {
      if (running) throw new Error(`the node ${address}:${port} runs already`);
      running = await launch();
      lastEnd = running.ended;
      await answering(running);
    },
    async stop() {
      if (!running) return;
      const { process: child, ended } = running;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), stopBoundMs);
      await ended;
      clearTimeout(patience);
    },
    async kill() {
      if (!running) return;
      running.process.kill('SIGKILL');
      await running.ended;
    },
    suspend: () => signalled('SIGSTOP'),
    resume: () => signalled('SIGCONT'),
    ended: () => lastEnd,
  };
}

/** The id of a node's process that an earlier run left in this folder, or null. */
export function leftoverProcess(folder: string): number | null {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    return commandLine(pid)?.includes(`@${javaOptionsFile(folder)} `) ? pid : null;
  } catch {
    return null;
  }
}
