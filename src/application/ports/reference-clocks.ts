/** The clocks of other hosts, with which this host's clock is compared. */
export interface ReferenceClocks {
  /** The nodes that are reachable now. */
  nodes(): readonly string[];

  /**
   * The time of the clock of `node` at some moment between the call and its response, in milliseconds since 1970. Rejects
   * if the node does not respond.
   */
  read(node: string): Promise<number>;
}
