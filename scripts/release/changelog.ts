/** The release is not possible. The message is a sentence for the user. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
}

const UNRELEASED = '## [Unreleased]\n';

/** Turns the section "Unreleased" into the section of `version` and `day` (`2026-11-24`). Throws a `ReleaseError`. */
export function released(changelog: string, version: string, day: string): string {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new ReleaseError(`${version} is not a version like 1.2.3.`);
  if (changelog.includes(`\n## [${version}]`)) throw new ReleaseError(`${version} is already released.`);
  if (sectionOf(changelog, 'Unreleased') === '') {
    throw new ReleaseError('CHANGELOG.md has no entries under "Unreleased".');
  }
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${day}\n`);
}

/** The changelog entries of a version, without the heading. Throws a `ReleaseError` if there are none. */
export function notesOf(changelog: string, version: string): string {
  const notes = sectionOf(changelog, version);
  if (notes === '') throw new ReleaseError(`CHANGELOG.md has no entries for ${version}.`);
  return notes;
}

function sectionOf(changelog: string, name: string): string {
  const sections = changelog.split(/^(?=## \[)/m);
  const section = sections.find((text) => text.startsWith(`## [${name}]`)) ?? '';
  return section.split('\n').slice(1).join('\n').trim();
}
