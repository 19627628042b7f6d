import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectFolder } from './local-cassandra/project.ts';
import { notesOf, released, ReleaseError } from './release/changelog.ts';

const HELP = `npm run release -- VERSION [--notes]

Sets VERSION, such as 1.2.3, in both package.json, package-lock.json and the image of the production overlay, and moves the
"Unreleased" part of CHANGELOG.md to that version. The workflow "release" runs it, and commits, tags and publishes.

  --notes   write nothing; print the part of CHANGELOG.md for this version
  --help    print this text
`;

const pathOf = (file: string): string => join(projectFolder, file);
const read = (file: string): string => readFileSync(pathOf(file), 'utf8');

/** The other places of the version. */
const PLACES: readonly { file: string; pattern: RegExp }[] = [
  { file: 'package.json', pattern: /(?<=^ {2}"version": ")[^"]+/m },
  // The first two matches: the version of the lockfile, and that of its root package.
  { file: 'package-lock.json', pattern: /(?<=^ {2}"version": ")[^"]+/m },
  { file: 'package-lock.json', pattern: /(?<=^ {6}"version": ")[^"]+/m },
  { file: 'package-lock.json', pattern: /(?<="name": "cassandra-messenger-client",\n {6}"version": ")[^"]+/ },
  { file: 'client/package.json', pattern: /(?<=^ {2}"version": ")[^"]+/m },
  { file: 'k8s/overlays/prod/kustomization.yaml', pattern: /(?<=newTag: )\S+/ },
];

function release(version: string): void {
  const changelog = released(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10));
  writeFileSync(pathOf('CHANGELOG.md'), changelog);
  for (const { file, pattern } of PLACES) {
    const text = read(file);
    if (!pattern.test(text))
      throw new ReleaseError(`${file} does not contain the version at the expected place.`);
    writeFileSync(pathOf(file), text.replace(pattern, version));
  }
}

function main(): number {
  const options = { notes: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [version, ...more] = positionals;
    if (values.help || version === undefined || more.length > 0) {
      console.log(HELP);
      return values.help ? 0 : 2;
    }
    if (values.notes) console.log(notesOf(read('CHANGELOG.md'), version));
    else release(version);
    return 0;
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = main();
