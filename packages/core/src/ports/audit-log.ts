/** One change, and who made it. Plain data: values are JSON, secrets never. */
export interface AuditRecord {
  /** 1, 2, 3 without a gap. */
  readonly sequence: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Who: the name of an admin token, `cli`, `system`. */
  readonly actor: string
  /** What was done: `key.issue`, `budget.define`. */
  readonly action: string
  /** To what: `key:3f9a…`, `scope:acme/web`. */
  readonly subject: string
  /** Why, in the words of who did it. */
  readonly reason?: string
  /** SHA-256 of the canonical JSON of `content`, hex: what was so before, and is after. */
  readonly contentHash: string
  /** Hash of the record before; 64 zeros for the first. */
  readonly previousHash: string
  /** SHA-256 over all of the above, hex. */
  readonly hash: string
  /** `before` and `after` as JSON text. May be erased for privacy: the chain holds without it. */
  readonly content?: string
}

/** Which records to read, in order. */
export interface AuditQuery {
  /** Only those after this sequence. @defaultValue 0 */
  readonly after?: number
  /** @defaultValue 100 */
  readonly limit?: number
  readonly subject?: string
}

/** Keeps the audit chain; hashing is core's (`auditTrail`). The contract is executable: `auditLogContract` of `@sluice/core/testing`. */
export interface AuditLog {
  /** The newest record; undefined while there is none. */
  readonly last: () => Promise<AuditRecord | undefined>
  /** Keeps a record if it is the next: its sequence is one more than the newest, and `previousHash` that one's hash. Of racing callers exactly one is told `true`. */
  readonly append: (record: AuditRecord) => Promise<boolean>
  readonly read: (query: AuditQuery) => Promise<readonly AuditRecord[]>
}
