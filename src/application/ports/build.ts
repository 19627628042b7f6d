/** The build that is running. */
export interface Build {
  readonly version: string;
  /** The commit that it was built from, with `-dirty` if there were uncommitted changes; null if unknown. */
  readonly commit: string | null;
}
