import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a process tells its parent of itself, some times a second. */
export interface Sample {
  /** Milliseconds since the process began. */
  readonly at: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** Milliseconds, since the last sample: by how much timers came late. */
  readonly eventLoopDelayP99: number;
  /** Microseconds of processor since the process began. */
  readonly processor: number;
}

const RESOLUTION_MS = 10;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

setInterval(() => {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const sample: Sample = {
    at: performance.now(),
    rss,
    heapUsed,
    // The histogram holds the whole time between two looks.
    eventLoopDelayP99: Math.max(delay.percentile(99) / 1e6 - RESOLUTION_MS, 0),
    processor: user + system,
  };
  delay.reset();
  process.send?.(sample);
}, 250).unref();
