/** The time that all replicas of a gateway agree on: the store's. */
export interface TimeSource {
  /** Milliseconds since the epoch, by the store's clock. */
  readonly now: () => Promise<number>
}
