import { parseArgs } from 'node:util';
import { OPTIONAL_PARTS, bench, PARTS } from '../bench/bench.ts';

const HELP = `npm run bench [-- --quick] [-- --only NAME]

Measures the service against things that are run in the same minute on the same Cassandra, which it starts for
itself (Java 17 and Maven), and writes bench/results/. Takes some twenty minutes, and wants the machine for itself. The
first time it also installs the runtimes of the tests (700 MB), of which it needs Node 24.

  --quick       some two minutes: shows that everything works, with figures to be taken as a hint
  --only NAME   this part alone (may be given again): ${Object.keys(PARTS).join(', ')}
                ${[...OPTIONAL_PARTS].join(', ')}: played only when it is asked for
  --out FOLDER  where the results go, instead of bench/results
  --help        this text
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
    console.error(`There is no part ${unknown} (--help tells more).`);
    return 2;
  }
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => ending.abort(new Error(signal)));
  }
  const names = Object.keys(PARTS).filter((name) => values.only?.includes(name) ?? !OPTIONAL_PARTS.has(name));
  return bench({ names, quick: values.quick, folder: values.out, signal: ending.signal });
}

// A part that was broken off may still have something to do.
process.exit(await main());
