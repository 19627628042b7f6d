import { OPEN_GATE } from '../../src/adapters/http/gate.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { docsAssets } from '../../src/adapters/system/docs-assets.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { ALWAYS_VERIFIED } from '../../src/application/ports/clock-check.ts';
import { UNWATCHED } from '../../src/application/ports/telemetry.ts';
import { buildContainer, type Ingredients } from '../../src/composition/container.ts';
import { TOKENS } from '../../src/composition/tokens.ts';
import { overheardLog } from '../support/overheard.ts';

/** The app as the service runs it in memory, but for what `changed` replaces. */
export function openApp(changed: Partial<Ingredients> = {}) {
  const clock = makeClock();
  const messageIds = makeMessageIds({ clock });
  return buildContainer({
    storage: memoryStorage(),
    clock,
    clockCheck: ALWAYS_VERIFIED,
    messageIds,
    telemetry: UNWATCHED,
    tracing: null,
    metrics: null,
    log: overheardLog,
    userNames: null,
    build: { version: '0.0.0', commit: null },
    docsAssets,
    publicPath: '',
    gate: OPEN_GATE,
    requestTimeoutMs: 5000,
    maxRequestsInFlight: 256,
    ...changed,
  }).take(TOKENS.app);
}
