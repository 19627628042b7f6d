import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LIMITS } from '../../src/adapters/servers/node-server.ts';

const MIB = 2 ** 20;

/** A process without load, and what clients can make it keep beside connections, as docs/operations.md lists it. */
const BASE = 95 * MIB;
const BODIES = 64 * MIB;
const RATE_LIMIT_BUCKETS = 48 * MIB;
const PAGES = 256 * MIB;

/**
 * A connection whose request has begun and does not end, in all and in Node's heap. Measured on Node 20: 14,000 that lack
 * the last bytes of a body of 16 KiB take 33 and 15 KiB each, 4,000 that have begun a body of 254 KiB take 41 and 33; 14,000
 * that send bodies of 60 KB without pause wait for their turn with what Node has read of them, 77 KiB each.
 */
const PER_CONNECTION = { all: 77 * 1024, heap: 33 * 1024 };

/** Node gives half of a container's memory to its heap. */
const HEAP_SHARE = 0.5;

const deployment = readFileSync(new URL('../../k8s/base/deployment.yaml', import.meta.url), 'utf8');
const limit = Number(/limits:[^]*?memory: (\d+)Mi/.exec(deployment)?.[1]) * MIB;

test('the memory limit of the pod covers all memory that clients can make the service use', () => {
  const { all, heap } = PER_CONNECTION;
  const others = BASE + BODIES + RATE_LIMIT_BUCKETS + PAGES + LIMITS.unreadLength;
  expect(limit).toBeGreaterThan(others + LIMITS.connections * all);
  expect(HEAP_SHARE * limit).toBeGreaterThan(RATE_LIMIT_BUCKETS + LIMITS.connections * heap);
});
