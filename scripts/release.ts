import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectFolder } from './local-cassandra/project.ts';
import { notesOf, released, ReleaseError } from './release/changelog.ts';

const HELP = `npm run release -- VERSION [--notes]

Gives this version, such as 1.2.3, to what is under "Unreleased" in CHANGELOG.md, to package.json, to package-lock.json
and to the image of the production overlay. The workflow "release" runs it, and commits, tags and publishes.

  --notes   writes nothing, and prints what CHANGELOG.md says of this version
  --help    this text
`;

const pathOf = (file: string): string => join(projectFolder, file);
const read = (file: string): string => readFileSync(pathOf(file), 'utf8');

/** Where else the version stands. */
const PLACES: readonly { file: string; pattern: RegExp }[] = [
  { file: 'package.json', pattern: /(?<=^ {2}"version": ")[^"]+/m },
  // Its own version and that of the package at its root, which come first.
  { file: 'package-lock.json', pattern: /(?<=^ {2}"version": ")[^"]+/m },
  { file: 'package-lock.json', pattern: /(?<=^ {6}"version": ")[^"]+/m },
  { file: 'k8s/overlays/prod/kustomization.yaml', pattern: /(?<=newTag: )\S+/ },
];

function release(version: string): void {
  const changelog = released(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10));
  writeFileSync(pathOf('CHANGELOG.md'), changelog);
  for (const { file, pattern } of PLACES) {
    const text = read(file);
    if (!pattern.test(text)) throw new ReleaseError(`${file} has no version where it should have one.`);
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
