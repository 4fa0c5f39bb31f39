/** A policy document as a shelf keeps it. Immutable: its version is made of its text. */
export interface PolicyDocument {
  /** The first 16 hex digits of the SHA-256 of `document`. Core computes it; a shelf only compares. */
  readonly version: string
  /** Canonical JSON. */
  readonly document: string
}

/** One publication: which version came into force, when, and by whose hand. Plain data. */
export interface PolicyPublication {
  /** 1, 2, 3 without a gap. */
  readonly sequence: number
  readonly version: string
  /** The version that was in force before; absent for the first. */
  readonly previousVersion?: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Who: the name of an admin token, `cli`, `system`. */
  readonly actor: string
  /** Why, in the words of who did it. */
  readonly reason?: string
}

/** What {@link PolicyShelf.publish} is given. */
export interface PolicyPublish extends PolicyDocument {
  /** The version that the publisher believes to be in force; undefined: none is. */
  readonly expected: string | undefined
  readonly at: number
  readonly actor: string
  readonly reason?: string
}

/**
 * What became of a publication. `published`: it is in force, by this call; `unchanged`: this version was in force already, and nothing was written;
 * `conflict`: another version than the expected one is in force, and nothing was written. `current` is the publication in force afterwards; a conflict on an empty shelf has none.
 */
export type PolicyPublishResult =
  | { readonly kind: 'published' | 'unchanged'; readonly current: PolicyPublication }
  | { readonly kind: 'conflict'; readonly current: PolicyPublication | undefined }

/** Which publications to read, newest first. */
export interface PolicyHistoryQuery {
  /** Only those before this sequence: the last of the page before. @defaultValue from the newest */
  readonly before?: number
  /** @defaultValue 100 */
  readonly limit?: number
}

/**
 * Keeps routing policies: which one is in force, every document that ever was, and who published what. Knows nothing of what a document says: core checks it.
 * To roll back is to publish an old version again. The contract is executable: `policyShelfContract` of `@sluice/core/testing`.
 */
export interface PolicyShelf {
  /** The document in force; undefined while none was ever published. Sees every publication that has resolved. One look-up. */
  readonly current: () => Promise<PolicyDocument | undefined>
  /** The document of a version that was ever in force; undefined for any other. */
  readonly version: (version: string) => Promise<PolicyDocument | undefined>
  /**
   * Puts a version in force, if `expected` still is: one atomic step with its entry in the history. Of racing callers that expect the same version exactly one is told
   * `published`. Repeating a publication whose answer was lost is safe: it is `unchanged`. The text of a version is kept once, and the first one stays.
   */
  readonly publish: (publish: PolicyPublish) => Promise<PolicyPublishResult>
  /** Publications, newest first. */
  readonly history: (query: PolicyHistoryQuery) => Promise<readonly PolicyPublication[]>
}
