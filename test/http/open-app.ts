import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import { EventStreams } from '../../src/adapters/http/event-streams.ts';
import { makeMemoryHints } from '../../src/adapters/memory/hints.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { docsAssets } from '../../src/adapters/system/docs-assets.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { ALWAYS_VERIFIED } from '../../src/application/ports/clock-check.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import { buildContainer, type Dependencies } from '../../src/composition/container.ts';
import { guardedLog } from '../support/log-leak-guard.ts';

/** The app with memory storage, with the replacements in `changed`. */
export function openApp(changed: Partial<Dependencies> = {}) {
  const clock = makeClock();
  const messageIds = makeMessageIds({ clock });
  return buildContainer({
    storage: memoryStorage(),
    clock,
    clockCheck: ALWAYS_VERIFIED,
    messageIds,
    telemetry: NOOP_TELEMETRY,
    tracing: null,
    metrics: null,
    log: guardedLog,
    pseudonymize: null,
    build: { version: '0.0.0', commit: null },
    docsAssets,
    webAssets: null,
    publicPath: '',
    accessPolicy: ALLOW_ALL,
    hints: makeMemoryHints(),
    pollIntervalMs: 15_000,
    visibilityWindow: 12_000_000,
    streams: new EventStreams(),
    requestTimeoutMs: 5000,
    maxRequestsInFlight: 256,
    ...changed,
  }).resolve('app');
}
