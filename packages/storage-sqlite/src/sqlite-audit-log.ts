import type { AuditLog, AuditRecord } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import type { SQLOutputValue } from 'node:sqlite'
import { rowLimit } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What the first record follows. */
const noHash = '0'.repeat(64)

/** An {@link AuditLog} in an SQLite database. */
export function sqliteAuditLog(database: SqliteDatabase): AuditLog {
  const last = database.prepare('select json from audit order by sequence desc limit 1')
  const append = database.prepare(
    `insert into audit (sequence, hash, subject, json) select ?1, ?2, ?3, ?4
     where ?1 = 1 + coalesce((select max(sequence) from audit), 0)
       and ?5 = coalesce((select hash from audit order by sequence desc limit 1), '${noHash}')`,
  )
  const read = database.prepare('select json from audit where sequence > ? order by sequence limit ?')
  const readSubject = database.prepare('select json from audit where sequence > ? and subject = ? order by sequence limit ?')
  return {
    last: () =>
      database.read(() => {
        const row = last.get()
        return row === undefined ? undefined : toRecord(row)
      }),
    append: (given) => {
      const record = toStorable(given)
      const { sequence, hash, subject, previousHash } = record
      return database.write(() => append.run(sequence, hash, subject, JSON.stringify(record), previousHash).changes === 1)
    },
    read: ({ after = 0, limit, subject }) =>
      database.read(() => {
        const rows = subject === undefined ? read.all(after, rowLimit(limit)) : readSubject.all(after, toStorableText(subject), rowLimit(limit))
        return rows.map(toRecord)
      }),
  }
}

function toRecord({ json }: Readonly<Record<string, SQLOutputValue>>): AuditRecord {
  return JSON.parse(json as string) as AuditRecord
}
