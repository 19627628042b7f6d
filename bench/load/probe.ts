import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Statistics that a process sends to its parent several times per second. */
export interface Sample {
  /** Milliseconds since the process started. */
  readonly at: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** Event loop delay since the last sample, in milliseconds. */
  readonly eventLoopDelayP99: number;
  /** CPU time since the process started, in microseconds. */
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
    // The histogram covers the period between two samples.
    eventLoopDelayP99: Math.max(delay.percentile(99) / 1e6 - RESOLUTION_MS, 0),
    processor: user + system,
  };
  delay.reset();
  process.send?.(sample);
}, 250).unref();
