import { revokedKey, rotatedKey, type KeyRecord, type KeyRing } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import { isAfterSql, isWithinSql, rowLimit, textOrNull } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A {@link KeyRing} in an SQLite database. */
export function sqliteKeyRing(database: SqliteDatabase): KeyRing {
  const issue = database.prepare('insert into keys (id, scope, json) values (?, ?, ?) on conflict (id) do nothing')
  const find = database.prepare('select json from keys where id = ?')
  const change = database.prepare('update keys set json = ? where id = ?')
  const list = database.prepare(`select json from keys where ${isWithinSql('scope')} and ${isAfterSql('id')} order by id limit ?3`)
  const found = (id: string): KeyRecord | undefined => {
    const json = find.get(id)?.['json']
    return json === undefined ? undefined : (JSON.parse(json as string) as KeyRecord)
  }
  const changeTo = (given: string, changed: (record: KeyRecord) => KeyRecord | undefined): Promise<KeyRecord | undefined> => {
    const id = toStorableText(given)
    return database.write(() => {
      const record = found(id)
      const after = record === undefined ? undefined : changed(record)
      if (after === undefined || after === record) return after
      change.run(JSON.stringify(toStorable(after)), id)
      return found(id)
    })
  }
  return {
    issue: (given) => {
      const record = toStorable(given)
      return database.write(() => issue.run(record.id, record.scope, JSON.stringify(record)).changes === 1)
    },
    find: (id) => database.read(() => found(toStorableText(id))),
    rotate: (rotation) => changeTo(rotation.id, (record) => (record.revocation === undefined ? rotatedKey(record, toStorable(rotation)) : undefined)),
    revoke: (id, revocation) => changeTo(id, (record) => revokedKey(record, revocation)),
    list: ({ under, after, limit }) =>
      database.read(() => list.all(textOrNull(under), textOrNull(after), rowLimit(limit)).map(({ json }) => JSON.parse(json as string) as KeyRecord)),
  }
}
