import { barsOf, goalsOf, tableOf } from './against-floor.ts';
import { duel, QUICKLY, type Duel } from './duel.ts';
import { fill, memoryWorkloads } from './memory-workloads.ts';
import type { Section } from './report/section.ts';
import { spread } from './report/words.ts';
import { assertSameAnswers } from './same-answers.ts';
import type { Stage } from './stage.ts';
import { WORKLOAD_NAMES } from './workloads.ts';

/** The service on memory beside a bare Hono app on the same memory. */
export async function againstMemoryFloor(stage: Stage): Promise<Section> {
  const { before, send, newestPage, inboxPage } = memoryWorkloads();
  const workloads = {
    [WORKLOAD_NAMES.send]: send,
    [WORKLOAD_NAMES.newestPage]: newestPage,
    [WORKLOAD_NAMES.inboxPage]: inboxPage,
  };
  const service = await stage.startServer('service', { STORAGE: 'memory' });
  const floor = await stage.startServer('memoryFloor', {});
  const generator = stage.startGenerator();
  for (const { url } of [service, floor]) await fill(generator, url, before);
  for (const requests of Object.values(workloads)) {
    await assertSameAnswers(service.url, floor.url, requests.slice(0, 20), 'own');
  }

  const pace = stage.quick ? QUICKLY : { rounds: 5, milliseconds: 400, warmUpMs: 1_600 };
  const clients = stage.quick ? [16] : [1, 16, 64];
  const results: { name: string; duel: Duel }[] = [];
  for (const [name, requests] of Object.entries(workloads)) {
    const [one, other] = [service, floor].map(({ url }) => ({ url, requests }));
    for (const result of await duel({ generator, one: one!, other: other!, clients, pace })) {
      results.push({ name, duel: result });
      stage.say(`${name}, ${result.clients} clients: ${spread(result.throughput)} of a bare Hono app`);
    }
  }
  return {
    title: 'Against a bare Hono app, in memory',
    about:
      'The service with memory storage beside `bench/floor/memory-floor.ts`: a bare Hono app over the same storage, ' +
      `with the same answers. ${pace.rounds} alternated rounds of ${pace.milliseconds / 1000} s each.`,
    tables: [tableOf(results)],
    goals: goalsOf(results.map(({ name, duel }) => ({ name: `in memory, ${name}`, duel }))),
    bars: [barsOf('Throughput in memory, as a share of a bare Hono app’s; 16 clients', results)],
    figures: results,
  };
}
