import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { respondsToCql, commandLine, endWithThisProcess } from './processes.ts';
import { LocalCassandraError } from './running.ts';

export const localDatacenter = 'datacenter1';

interface NodeSettings {
  /** The node's own folder, with all files that it reads and writes. */
  readonly folder: string;
  /** The address of each node of the cluster; the first one is the seed. */
  readonly addresses: readonly string[];
  /** The index of this node's address. */
  readonly index: number;
  readonly nativePort: number;
  readonly storagePort: number;
  readonly heapMb: number;
  readonly yaml: Readonly<Record<string, unknown>>;
  readonly javaOptions: readonly string[];
  readonly jars: readonly string[];
}

function cassandraYaml({ addresses, index, nativePort, storagePort, yaml }: NodeSettings): object {
  const token = (BigInt(index) << 64n) / BigInt(addresses.length) - (1n << 63n);
  return {
    cluster_name: 'local',
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    endpoint_snitch: 'GossipingPropertyFileSnitch',
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: `${addresses[0]}:${storagePort}` }],
      },
    ],
    listen_address: addresses[index],
    rpc_address: addresses[index],
    native_transport_port: nativePort,
    storage_port: storagePort,
    // The set of nodes never changes. So evenly spaced tokens balance it exactly, and no data are streamed to a new node:
    // it need not wait until the ring is stable, and several nodes can join at once.
    num_tokens: 1,
    initial_token: String(token),
    auto_bootstrap: false,
    paxos_variant: 'v2',
    // With the default of 64 KiB, a page of an inbox with 100,000 rows reads 64 KiB for each of its rows.
    column_index_size: '4KiB',
    auto_snapshot: false,
    // Acknowledged writes are in the commit log. With the default, a killed node loses those of the last 100 ms.
    commitlog_sync: 'batch',
    commitlog_total_space: '1GiB',
    concurrent_compactors: 1,
    key_cache_size: '8MiB',
    counter_cache_size: '0MiB',
    // The process of a node that cannot write ends. Otherwise it would stay, without responding.
    disk_failure_policy: 'die',
    commit_failure_policy: 'die',
    ...yaml,
  };
}

const logback = `<configuration>
  <appender name="file" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>\${cassandra.logdir}/system.log</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>\${cassandra.logdir}/system.%i.log</fileNamePattern>
      <maxIndex>3</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
      <maxFileSize>10MB</maxFileSize>
    </triggeringPolicy>
    <encoder>
      <pattern>%-5level %date{ISO8601} [%thread] %logger{0} - %msg%n</pattern>
    </encoder>
  </appender>
  <root level="INFO">
    <appender-ref ref="file" />
  </root>
</configuration>
`;

/** The packages that Cassandra's own jvm17-server.options exports and opens. */
const exportedPackages = [
  'java.base/java.lang.ref',
  'java.base/jdk.internal.misc',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.attach/sun.tools.attach',
  'jdk.compiler/com.sun.tools.javac.file',
  'jdk.unsupported/sun.misc',
];
const openedPackages = [
  'java.base/java.io',
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.util',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.compiler/com.sun.tools.javac',
  'jdk.management/com.sun.management.internal',
];

/** A folder that is emptied before each start, because a killed JVM does not delete its unpacked native libraries. */
const temporaryFolder = (nodeFolder: string): string => join(nodeFolder, 'tmp');
const logFolder = (nodeFolder: string): string => join(nodeFolder, 'logs');

function jvmOptions({ folder, addresses, heapMb, javaOptions, jars }: NodeSettings): string[] {
  const url = (file: string): string => pathToFileURL(join(folder, file)).href;
  const jamm = jars.find((jar) => /[/\\]jamm-[^/\\]+\.jar$/.test(jar));
  if (!jamm) throw new Error('the jars of Cassandra do not include its Java agent, jamm');
  const properties = {
    'java.io.tmpdir': temporaryFolder(folder),
    'jna.tmpdir': temporaryFolder(folder),
    'java.net.preferIPv4Stack': true,
    'jdk.attach.allowAttachSelf': true,
    'io.netty.tryReflectionSetAccessible': true,
    'io.netty.allocator.useCacheForAllThreads': true,
    'io.netty.allocator.maxOrder': 11,
    'logback.configurationFile': url('logback.xml'),
    'cassandra-rackdc.properties': url('cassandra-rackdc.properties'),
    'cassandra.config': url('cassandra.yaml'),
    'cassandra.logdir': logFolder(folder),
    'cassandra.storagedir': folder,
    'cassandra.ring_delay_ms': 5000,
    'cassandra.consistent.rangemovement': false,
    // A single node has no gossip to wait for. In a larger cluster, a node that served clients before it has found the
    // others would return errors that do not occur in production. So it waits, but less than the default of eight seconds.
    ...(addresses.length === 1
      ? { 'cassandra.skip_wait_for_gossip_to_settle': 0 }
      : { 'cassandra.gossip_settle_min_wait_ms': 1000, 'cassandra.gossip_settle_interval_ms': 500 }),
    'cassandra.shutdown_announce_in_ms': 500,
    // Also the pause between attempts. The first nodes of a new cluster need many attempts.
    'cassandra.superuser_setup_delay_ms': 500,
    // Every node stores all of these rows: login works while a node is down, and a read with ALL needs every node.
    'cassandra.system_auth.default_rf': addresses.length,
    'cassandra.system_distributed.default_rf': addresses.length,
  };
  return [
    `-Xms${heapMb}m`,
    `-Xmx${heapMb}m`,
    '-Xss256k',
    '-XX:+UseG1GC',
    '-XX:MaxGCPauseMillis=300',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:+PerfDisableSharedMem',
    '-ea',
    '-da:net.openhft...',
    ...exportedPackages.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
    ...openedPackages.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    ...javaOptions,
    `-javaagent:${jamm}`,
    '-classpath',
    jars.join(delimiter),
  ];
}

const quoted = (option: string): string => `"${option.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** The file with a node's options for Java. Its path is on the node's command line, and so identifies the node. */
const javaOptionsFile = (nodeFolder: string): string => join(nodeFolder, 'java.options');

/** Writes a node's configuration: cassandra.yaml (JSON is YAML), the rack, the logging and the options for Java. */
export async function writeNodeFiles(settings: NodeSettings): Promise<void> {
  const { folder } = settings;
  await mkdir(logFolder(folder), { recursive: true });
  await Promise.all([
    writeFile(join(folder, 'cassandra.yaml'), `${JSON.stringify(cassandraYaml(settings), null, 2)}\n`),
    writeFile(join(folder, 'cassandra-rackdc.properties'), `dc=${localDatacenter}\nrack=rack1\n`),
    writeFile(join(folder, 'logback.xml'), logback),
    writeFile(javaOptionsFile(folder), `${jvmOptions(settings).map(quoted).join('\n')}\n`),
  ]);
}

const startBoundMs = 300_000;
const stopBoundMs = 20_000;
const pollMs = 100;

/** One Cassandra process of a local cluster. */
export interface LocalNode {
  readonly address: string;
  readonly port: number;
  /** The process id; null while the node does not run. */
  readonly pid: number | null;
  /** Starts it, also after `kill` or `stop`, with the same data. Resolves when it accepts CQL. */
  start(): Promise<void>;
  /** SIGTERM, and SIGKILL after 20 s; resolves when the process has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** SIGSTOP: the node hangs, and its connections stay open. */
  suspend(): void;
  /** SIGCONT. */
  resume(): void;
  /** Resolves when the process that was started last has ended for any reason, with a sentence that says how. */
  ended(): Promise<string>;
}

/** The last lines of a log, without warnings of Java and without stack frames. */
function lastLines(file: string): string[] {
  const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n');
  return lines.filter((line) => line.trim() !== '' && !/^\s+(at|\.\.\.) |^WARNING: /.test(line)).slice(-10);
}

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<string>;
}

/** A node whose files are written and which is not started yet. */
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
  // What Java and Cassandra print: usually nothing, or the reason why the start failed.
  const output = join(logs, 'output.log');
  const pidFile = join(folder, 'pid');
  let running: Running | null = null;
  let lastEnd: Promise<string> = Promise.resolve(`The node ${address}:${port} was never started.`);

  async function startProcess(): Promise<Running> {
    rmSync(temporaryFolder(folder), { recursive: true, force: true });
    mkdirSync(temporaryFolder(folder));
    const outputFile = openSync(output, 'w');
    const child = spawn(
      join(javaHome, 'bin', 'java'),
      [`@${javaOptionsFile(folder)}`, 'org.apache.cassandra.service.CassandraDaemon'],
      // In a separate process group: Ctrl-C reaches only this process, which stops the nodes in order.
      {
        cwd: folder,
        detached: true,
        stdio: ['ignore', outputFile, outputFile],
        env: { ...process.env, MALLOC_ARENA_MAX: '4' },
      },
    );
    closeSync(outputFile);
    await once(child, 'spawn');
    const pid = child.pid!;
    const watchdog = endWithThisProcess(pid);
    writeFileSync(pidFile, String(pid));
    const ended = once(child, 'exit').then(([code, by]) => {
      running = null;
      watchdog.kill();
      rmSync(pidFile, { force: true });
      return `The node ${address}:${port} has ended (${by ?? `exit code ${code}`}); its logs are in ${logs}`;
    });
    return { process: child, ended };
  }

  async function waitUntilReady({ process: child, ended }: Running): Promise<void> {
    const deadline = Date.now() + startBoundMs;
    let end: string | null = null;
    while (!(await respondsToCql(address, port))) {
      signal?.throwIfAborted();
      if (end !== null) throw startFailed(end);
      if (Date.now() > deadline) {
        child.kill('SIGKILL');
        await ended;
        throw startFailed(
          `The node ${address}:${port} did not respond and was killed; its logs are in ${logs}`,
        );
      }
      end = await Promise.race([ended, wait(pollMs, null)]);
    }
  }

  function startFailed(why: string): LocalCassandraError {
    const printed = lastLines(output);
    const lines = printed.length > 0 ? printed : lastLines(join(logs, 'system.log'));
    return new LocalCassandraError('start_failed', [why, ...lines].join('\n'));
  }

  function sendSignal(name: NodeJS.Signals): void {
    if (!running) throw new Error(`the node ${address}:${port} is not running`);
    running.process.kill(name);
  }

  return {
    address,
    port,
    get pid() {
      return running?.process.pid ?? null;
    },
    async start() {
      if (running) throw new Error(`the node ${address}:${port} is already running`);
      running = await startProcess();
      lastEnd = running.ended;
      await waitUntilReady(running);
    },
    async stop() {
      if (!running) return;
      const { process: child, ended } = running;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const killTimer = setTimeout(() => child.kill('SIGKILL'), stopBoundMs);
      await ended;
      clearTimeout(killTimer);
    },
    async kill() {
      if (!running) return;
      running.process.kill('SIGKILL');
      await running.ended;
    },
    suspend: () => sendSignal('SIGSTOP'),
    resume: () => sendSignal('SIGCONT'),
    ended: () => lastEnd,
  };
}

/** The process id of a node of this folder that still runs after an earlier run; null if there is none. */
export function leftoverProcess(folder: string): number | null {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    return commandLine(pid)?.includes(`@${javaOptionsFile(folder)} `) ? pid : null;
  } catch {
    return null;
  }
}
