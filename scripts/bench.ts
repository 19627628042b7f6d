import { parseArgs } from 'node:util';
import { OPTIONAL_PARTS, bench, PARTS } from '../bench/bench.ts';

const HELP = `npm run bench [-- --quick] [-- --only NAME]

Compares the service with baselines that run in the same minute on the same Cassandra, and writes bench/results/. It starts
its own Cassandra (Java 17 and Maven required). Takes about twenty minutes; the machine should be idle. The first run also
installs the runtimes of the tests (700 MB), because it needs Node 24.

  --quick       about two minutes: checks that everything works; the figures are rough
  --only NAME   run only this part (repeatable): ${Object.keys(PARTS).join(', ')}
                ${[...OPTIONAL_PARTS].join(', ')}: run only with --only
  --out FOLDER  write the results to FOLDER instead of bench/results
  --help        print this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      out: { type: 'string', default: 'bench/results' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
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
  const names = Object.keys(PARTS).filter((name) => values.only?.includes(name) ?? !OPTIONAL_PARTS.has(name));
  return bench({ names, quick: values.quick, folder: values.out, signal: ending.signal });
}

// An aborted part may still have pending work, so the process exits explicitly.
process.exit(await main());
