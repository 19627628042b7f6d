import { besideTable, duel, QUICKLY, type Duel } from './duel.ts';
import type { Section } from './report/section.ts';
import { spread } from './report/words.ts';
import type { Stage } from './stage.ts';
import { WORKLOAD_NAMES, workloadsOn, type Workloads } from './workloads.ts';

const COMPARED = ['send', 'sendWithKey', 'mixed'] as const;
const CLIENTS = [1, 16];

/** What it costs that a node acknowledges what is in its log, and not what will be: the service on one of each. */
export async function durability(stage: Stage): Promise<Section> {
  const batch = await sideOn(stage, '127.0.4.2', { commitlog_sync: 'batch' });
  const periodic = await sideOn(stage, '127.0.4.3', {
    commitlog_sync: 'periodic',
    commitlog_sync_period: '10s',
  });
  const generator = stage.startGenerator();
  const results: { name: string; duel: Duel }[] = [];
  for (const [index, name] of COMPARED.entries()) {
    const duels = await duel({
      generator,
      one: { url: batch.url, requests: batch.workloads[name] },
      other: { url: periodic.url, requests: periodic.workloads[name] },
      clients: CLIENTS,
      pace: stage.quick
        ? QUICKLY
        : // Both nodes are new, and Java takes its time.
          { rounds: 7, milliseconds: 1_500, warmUpMs: index === 0 ? 25_000 : 6_000 },
    });
    for (const each of duels) {
      const what = `${WORKLOAD_NAMES[name]}, ${each.clients} at once`;
      results.push({ name: what, duel: each });
      stage.say(`${what}: ${spread(each.throughput)} of periodic`);
    }
  }
  return {
    title: 'What is acknowledged is in the log',
    about:
      'The service on a node with `commitlog_sync: batch`, as it comes with the messenger, beside one on a node with ' +
      'Cassandra’s default, `periodic`, which acknowledges first, and forgets the last tenth of a second when it is ' +
      'killed. How long a disk takes to make sure of a write is in it: here next to nothing.',
    tables: [besideTable('batch', 'periodic', results)],
    goals: [],
    bars: [],
    figures: results,
  };
}

async function sideOn(
  stage: Stage,
  address: string,
  yaml: Readonly<Record<string, unknown>>,
): Promise<{ url: string; workloads: Workloads }> {
  const database = await stage.ownDatabase({ address, yaml });
  const workloads = await workloadsOn(database);
  const { url } = await stage.startServer('service', database.environment);
  return { url, workloads };
}
