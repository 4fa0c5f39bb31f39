import { systemClock, type Clock } from '../host.ts'
import { toStorable } from '../ledger/storable.ts'
import type { AuditLog, AuditRecord } from '../ports/audit-log.ts'
import { auditHash, noHash, sha256Hex } from './audit-hash.ts'
import { canonicalJson } from './canonical-json.ts'

/** Options of {@link auditTrail}. */
export interface AuditTrailOptions {
  readonly log: AuditLog
  /** @defaultValue the runtime's clock */
  readonly clock?: Pick<Clock, 'now'>
}

/** A change to be recorded. */
export interface AuditedChange {
  /** Who: the name of an admin token, `cli`, `system`. */
  readonly actor: string
  /** What was done: `key.issue`, `budget.define`. */
  readonly action: string
  /** To what: `key:3f9a…`, `scope:acme/web`. */
  readonly subject: string
  /** Why, in the words of who did it. */
  readonly reason?: string
  /** What was so before, as plain data without secrets. @defaultValue there was nothing */
  readonly before?: unknown
  /** What is so now. @defaultValue there is nothing */
  readonly after?: unknown
}

/** Which part of a chain to check. */
export interface AuditCheck {
  /** The first sequence to check; the record before it is taken as it stands. @defaultValue 1 */
  readonly from?: number
  /**
   * A record's sequence and hash that were noted elsewhere. Without one, a chain that was cut at its end, or written anew from some record on, looks whole:
   * it proves that records belong together, not that they are all.
   */
  readonly anchor?: Pick<AuditRecord, 'sequence' | 'hash'>
}

/** What a check found: all in order, or the first record that is not. */
export type AuditVerdict =
  | {
      readonly kind: 'intact'
      readonly records: number
      /** The end of the chain, to be noted elsewhere: an {@link AuditCheck.anchor} of later checks. Absent where there is no record. */
      readonly last?: Pick<AuditRecord, 'sequence' | 'hash'>
    }
  | { readonly kind: 'broken'; readonly sequence: number; readonly what: string }

/** A chain of changes in which every record carries the hash of the one before. */
export interface AuditTrail {
  /**
   * Records a change; resolves with the record once it is kept. Changes of this trail follow in the order of their calls; where another process comes
   * first it goes behind that. @throws Error where others keep coming first, and whatever the log rejects with
   */
  readonly append: (change: AuditedChange) => Promise<AuditRecord>
  /** Checks the chain page by page, in little memory. A record whose content was erased is in order. */
  readonly verify: (check?: AuditCheck) => Promise<AuditVerdict>
}

/** Fifty processes that all append at once have one winner a round. */
const mostTries = 200
const pageSize = 500

/** Keeps an audit chain in a log. */
export function auditTrail({ log, clock = systemClock }: AuditTrailOptions): AuditTrail {
  let previous: Promise<unknown> = Promise.resolve()
  const append = async (change: AuditedChange, at: number): Promise<AuditRecord> => {
    const { before, after, ...what } = change
    // What a store would replace is replaced before it is hashed; in JSON it stands escaped.
    const { actor, action, subject, reason } = toStorable(what)
    const content = canonicalJson({ before, after })
    const contentHash = await sha256Hex(content)
    for (let tries = 0; tries < mostTries; tries += 1) {
      const last = await log.last()
      const link = { sequence: (last?.sequence ?? 0) + 1, at, actor, action, subject, ...(reason !== undefined && { reason }), contentHash }
      const chained = { ...link, previousHash: last?.hash ?? noHash }
      const record: AuditRecord = { ...chained, hash: await auditHash(chained), content }
      if (await isKept(log, record)) return record
    }
    throw new Error(`the audit log was appended to by others ${mostTries} times in a row; the change was not recorded`)
  }
  return {
    append: (change) => {
      const at = clock.now()
      // One after the other: callers of one process need not race.
      const appended = previous.then(() => append(change, at))
      previous = appended.catch(() => undefined)
      return appended
    },
    verify: (check = {}) => verifyChain(log, check),
  }
}

/** True where the log has kept the record. A log that fails may have kept it all the same: asked again, it says so. */
async function isKept(log: AuditLog, record: AuditRecord): Promise<boolean> {
  try {
    return await log.append(record)
  } catch (error) {
    const [found] = await log.read({ after: record.sequence - 1, limit: 1 }).catch(() => [])
    if (found?.hash === record.hash) return true
    throw error
  }
}

async function verifyChain(log: AuditLog, { from = 1, anchor }: AuditCheck): Promise<AuditVerdict> {
  let last: AuditRecord | undefined
  if (from > 1) {
    ;[last] = await log.read({ after: from - 2, limit: 1 })
    if (last?.sequence !== from - 1) return { kind: 'broken', sequence: from - 1, what: 'the record before the first to check is not there' }
  }
  let records = 0
  for (;;) {
    const page = await log.read({ after: last?.sequence ?? 0, limit: pageSize })
    for (const record of page) {
      const what =
        (await problemOf(record, last)) ??
        (record.sequence === anchor?.sequence && record.hash !== anchor.hash ? 'it is not the one that was noted' : undefined)
      if (what !== undefined) return { kind: 'broken', sequence: (last?.sequence ?? 0) + 1, what }
      last = record
      records += 1
    }
    if (page.length === 0) break
  }
  const end = last?.sequence ?? 0
  if (anchor !== undefined && anchor.sequence > end) return { kind: 'broken', sequence: end + 1, what: `the log ends here, and ${anchor.sequence} was noted` }
  return { kind: 'intact', records, ...(last !== undefined && { last: { sequence: last.sequence, hash: last.hash } }) }
}

/** What is wrong with a record that should follow another; undefined where nothing is. */
async function problemOf(record: AuditRecord, last: AuditRecord | undefined): Promise<string | undefined> {
  const sequence = (last?.sequence ?? 0) + 1
  if (record.sequence !== sequence) return `a record of sequence ${record.sequence} stands here`
  if (record.previousHash !== (last?.hash ?? noHash)) return 'it does not follow the record before'
  if (record.content !== undefined && (await sha256Hex(record.content)) !== record.contentHash) return 'its content is not what was recorded'
  return (await auditHash(record)) === record.hash ? undefined : 'it is not as it was recorded'
}
