/** What is running. */
export interface Build {
  readonly version: string;
  /** The commit that it was built from, with `-dirty` where there were changes beside it; null where unknown. */
  readonly commit: string | null;
}
