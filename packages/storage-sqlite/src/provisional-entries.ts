import type { ProvisionalEntries } from '@sluice/core'
import { parseEntryJson, toStorableText } from '@sluice/core/ledger'
import { storableEntry, type LedgerEntries } from './ledger-entries.ts'
import { rowLimit } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/**
 * Until when owners have said that they live, by database. In memory, since this process alone has the database: the word of an owner of an earlier process
 * is void, whatever it was, and the present one's ends with it.
 */
const aliveUntil = new WeakMap<SqliteDatabase, Map<string, number>>()

/** What exchanges under way are to count as if nobody settles them. All that was left by processes before this one is there to be recovered at once. */
export function provisionalEntries(database: SqliteDatabase, entries: LedgerEntries): ProvisionalEntries {
  const owners = aliveUntil.get(database) ?? new Map<string, number>()
  aliveUntil.set(database, owners)
  const open = database.prepare(
    `insert into provisional (exchange_id, owner, json) select ?1, ?2, ?3 where not exists (select 1 from entries where exchange_id = ?1)
     on conflict do nothing`,
  )
  const left = database.prepare('select json from provisional where owner not in (select value from json_each(?)) order by opened limit ?')
  const close = database.prepare('delete from provisional where exchange_id = ?')
  return {
    open: async (entry, owner) => {
      const { kept, json } = storableEntry(entry)
      await database.write(() => open.run(kept.exchangeId, toStorableText(owner), json))
    },
    keepAlive: (owner, until) => database.read(() => void owners.set(toStorableText(owner), until)),
    recover: (at, limit) =>
      database.write(() => {
        for (const [owner, until] of owners) if (until <= at) owners.delete(owner)
        return left.all(JSON.stringify([...owners.keys()]), rowLimit(limit)).map(({ json }) => {
          const entry = parseEntryJson(json as string)
          entries.keepRecovered(entry, json as string)
          close.run(entry.exchangeId)
          return entry
        })
      }),
  }
}
