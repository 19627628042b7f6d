import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { notesOf, released, ReleaseError } from '../../scripts/release/changelog.ts';

const BEFORE = `# Changelog

Kept by hand.

## [Unreleased]

### Added

- Tea.

## [0.9.0] - 2026-01-01

### Fixed

- Cups.
`;

const AFTER = `# Changelog

Kept by hand.

## [Unreleased]

## [1.0.0] - 2026-02-03

### Added

- Tea.

## [0.9.0] - 2026-01-01

### Fixed

- Cups.
`;

describe('a release', () => {
  test('contains the unreleased changes, with its date', () => {
    expect(released(BEFORE, '1.0.0', '2026-02-03')).toBe(AFTER);
  });

  test('has its part of the changelog as release notes', () => {
    expect(notesOf(AFTER, '1.0.0')).toBe('### Added\n\n- Tea.');
    expect(notesOf(AFTER, '0.9.0')).toBe('### Fixed\n\n- Cups.');
  });

  test.each([
    ['1.0', BEFORE, '1.0 is not a version like 1.2.3.'],
    ['v1.0.0', BEFORE, 'v1.0.0 is not a version like 1.2.3.'],
    ['0.9.0', BEFORE, '0.9.0 is already released.'],
    ['1.1.0', AFTER, 'CHANGELOG.md has no entries under "Unreleased".'],
  ])('is refused as %s', (version, changelog, message) => {
    expect(() => released(changelog, version, '2026-02-03')).toThrow(new ReleaseError(message));
  });

  test('without a part in the changelog has no notes', () => {
    expect(() => notesOf(AFTER, '0.8.0')).toThrow(ReleaseError);
    expect(() => notesOf(AFTER, '1.1.0')).toThrow(ReleaseError);
  });

  test('can be made from the current changelog', () => {
    expect(released(readFileSync('CHANGELOG.md', 'utf8'), '99.0.0', '2026-02-03')).toContain(
      '## [99.0.0] - ',
    );
  });
});
