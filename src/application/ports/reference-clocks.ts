/** The clocks of other hosts, which this host's is compared with. */
export interface ReferenceClocks {
  /** The nodes that can be asked now. */
  nodes(): readonly string[];

  /**
   * What the clock of `node` showed at some time between the call and its answer, in milliseconds since 1970. Rejects
   * where the node does not answer.
   */
  read(node: string): Promise<number>;
}
