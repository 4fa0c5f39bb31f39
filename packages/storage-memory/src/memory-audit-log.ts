import type { AuditLog, AuditRecord } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import { pageOf } from './memory-key-ring-page.ts'

const noHash = '0'.repeat(64)

/** An audit chain in memory: for tests, and for one process that may forget it. */
export function memoryAuditLog(): AuditLog {
  const records: AuditRecord[] = []
  return {
    last: () => Promise.resolve(records.at(-1)),
    append: (record) => {
      const isNext = record.sequence === records.length + 1 && record.previousHash === (records.at(-1)?.hash ?? noHash)
      if (isNext) records.push(toStorable(record))
      return Promise.resolve(isNext)
    },
    read: ({ after = 0, limit, subject }) => {
      const wanted = subject === undefined ? undefined : toStorableText(subject)
      return Promise.resolve(pageOf(records.slice(after), (record) => wanted === undefined || record.subject === wanted, limit))
    },
  }
}
