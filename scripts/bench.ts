import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bench, PARTS } from '../bench/bench.ts';
import { storedResults, withFigures } from '../bench/figures.ts';
import { natsServerMissing } from '../test/faults/broker.ts';
import { documents } from '../test/support/documents.ts';

const HELP = `npm run bench [-- --quick] [-- --only NAME]

Compares the service with simpler servers on the same storage, and writes bench/results/. Linux only. The machine should be
idle; it takes about twenty minutes. The parts on Cassandra use CASSANDRA_CONTACT_POINTS, or start a local node (Java 17
and Maven required). The part "live" requires nats-server.

  --quick             about two minutes: only the parts baseline and memory, unless --only is given; the figures are
                      rough and go to bench/results/quick
  --only NAME         run only this part (repeatable): ${Object.keys(PARTS).join(', ')}
  --out FOLDER        write the results to FOLDER
  --update-documents  instead of measuring: write the figures of bench/results into all documents
  --help              print this text
`;

/** The parts that show what a change costs. */
const QUICK_PARTS = ['baseline', 'memory'];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      out: { type: 'string' },
      'update-documents': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values['update-documents']) {
    for (const file of documents()) {
      const text = readFileSync(file, 'utf8');
      const updated = withFigures(text, storedResults());
      if (updated === text) continue;
      writeFileSync(file, updated);
      console.log(file);
    }
    return 0;
  }
  const unknown = values.only?.find((name) => !(name in PARTS));
  if (unknown !== undefined) {
    console.error(`Unknown part: ${unknown}. See --help.`);
    return 2;
  }
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => ending.abort(new Error(signal)));
  }
  const missing = natsServerMissing();
  if (missing !== null && values.only === undefined && !values.quick)
    console.error(`The part "live" is left out. ${missing}`);
  const all = Object.keys(PARTS).filter((name) => missing === null || name !== 'live');
  const names = values.only ?? (values.quick ? QUICK_PARTS : all);
  const folder = values.out ?? (values.quick ? 'bench/results/quick' : 'bench/results');
  return bench({ names, quick: values.quick, folder, signal: ending.signal });
}

// An aborted part may still have pending work, so the process exits explicitly.
process.exit(await main());
