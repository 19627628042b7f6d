/** Why there can be no such release, in a sentence for people. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
}

const UNRELEASED = '## [Unreleased]\n';

/** `changelog` with what is under "Unreleased" as the version of that day (`2026-11-24`). Throws a `ReleaseError`. */
export function released(changelog: string, version: string, day: string): string {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new ReleaseError(`${version} is no version like 1.2.3.`);
  if (changelog.includes(`\n## [${version}]`)) throw new ReleaseError(`${version} was released already.`);
  if (sectionOf(changelog, 'Unreleased') === '') {
    throw new ReleaseError('CHANGELOG.md has nothing under "Unreleased".');
  }
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${day}\n`);
}

/** What the changelog says of a version, without its heading. Throws a `ReleaseError` where it says nothing. */
export function notesOf(changelog: string, version: string): string {
  const notes = sectionOf(changelog, version);
  if (notes === '') throw new ReleaseError(`CHANGELOG.md has nothing about ${version}.`);
  return notes;
}

function sectionOf(changelog: string, name: string): string {
  const sections = changelog.split(/^(?=## \[)/m);
  const section = sections.find((text) => text.startsWith(`## [${name}]`)) ?? '';
  return section.split('\n').slice(1).join('\n').trim();
}
