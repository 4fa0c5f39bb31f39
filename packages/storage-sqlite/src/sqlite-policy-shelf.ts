import type { PolicyDocument, PolicyPublication, PolicyShelf } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import type { SQLOutputValue } from 'node:sqlite'
import { rowLimit } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A {@link PolicyShelf} in an SQLite database. */
export function sqlitePolicyShelf(database: SqliteDatabase): PolicyShelf {
  const inForce = database.prepare(
    'select version, document from policies where version = (select version from policy_publications order by sequence desc limit 1)',
  )
  const find = database.prepare('select version, document from policies where version = ?')
  const last = database.prepare('select json from policy_publications order by sequence desc limit 1')
  const keep = database.prepare('insert into policies (version, document) values (?, ?) on conflict do nothing')
  const enter = database.prepare('insert into policy_publications (sequence, version, json) values (?, ?, ?)')
  const newest = database.prepare('select json from policy_publications order by sequence desc limit ?')
  const newestBefore = database.prepare('select json from policy_publications where sequence < ? order by sequence desc limit ?')
  return {
    current: () => database.read(() => toDocument(inForce.get())),
    version: (version) => database.read(() => toDocument(find.get(toStorableText(version)))),
    publish: (given) => {
      const { version, document, expected, at, actor, reason } = toStorable(given)
      return database.write(() => {
        const row = last.get()
        const before = row === undefined ? undefined : toPublication(row)
        if (before !== undefined && before.version === version) return { kind: 'unchanged', current: before }
        if (before?.version !== expected) return { kind: 'conflict', current: before }
        const current: PolicyPublication = {
          sequence: (before?.sequence ?? 0) + 1,
          version,
          at,
          actor,
          ...(before !== undefined && { previousVersion: before.version }),
          ...(reason !== undefined && { reason }),
        }
        keep.run(version, document)
        enter.run(current.sequence, version, JSON.stringify(current))
        return { kind: 'published', current }
      })
    },
    history: ({ before, limit }) =>
      database.read(() => {
        const rows = before === undefined ? newest.all(rowLimit(limit)) : newestBefore.all(before, rowLimit(limit))
        return rows.map(toPublication)
      }),
  }
}

type Row = Readonly<Record<string, SQLOutputValue>>

function toDocument(row: Row | undefined): PolicyDocument | undefined {
  return row === undefined ? undefined : { version: row['version'] as string, document: row['document'] as string }
}

function toPublication({ json }: Row): PolicyPublication {
  return JSON.parse(json as string) as PolicyPublication
}
