/** The levels of an organisation that spend is counted at, from the top down. */
export type ScopeLevel = 'organisation' | 'business-unit' | 'sub-business-unit' | 'cost-centre' | 'developer'

/** One place of the organisation. Plain data. */
export interface Scope {
  /** Names from the organisation down, joined by slashes: `acme/retail/web/cc-1234/ada`. Compared as it stands: case counts, nothing is decoded. */
  readonly path: string
  /** Deeper than that of the parent; levels may be left out. */
  readonly level: ScopeLevel
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Since when nothing may be issued for it. What was spent under it stays. */
  readonly archivedAt?: number
}

/** What became of {@link ScopeTree.add}. */
export type ScopeAddition = { readonly kind: 'added' | 'exists'; readonly scope: Scope } | { readonly kind: 'no-parent' | 'level-too-high' }

/** Which scopes to list, in order of their path by code point. */
export interface ScopeQuery {
  /** This scope and everything below it. @defaultValue all */
  readonly under?: string
  /** Only paths after this one: the last of the page before. */
  readonly after?: string
  /** @defaultValue 100 */
  readonly limit?: number
}

/** The organisation as a tree. The contract is executable: `scopeTreeContract` of `@sluice/core/testing`. */
export interface ScopeTree {
  /**
   * Adds a scope under a parent that is there. Of racing callers that add one path exactly one is told `added`; the others get what is kept, and it is the first's.
   * A path of one name has no parent. `level-too-high`: the level is not deeper than the parent's.
   */
  readonly add: (scope: Scope) => Promise<ScopeAddition>
  /** The scopes from the organisation down to this path, both included; undefined where the path is not there. One look-up. */
  readonly lineage: (path: string) => Promise<readonly Scope[] | undefined>
  readonly list: (query: ScopeQuery) => Promise<readonly Scope[]>
  /** Archives a scope. Idempotent: the first instant stays. Resolves with false where the path is not there. */
  readonly archive: (path: string, at: number) => Promise<boolean>
}
