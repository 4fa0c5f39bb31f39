import { toStorableText } from '@sluice/core/ledger'
import type { SqliteDatabase } from './sqlite-database.ts'

/** Makes a secret: text of its own, from good randomness. */
export type SecretMaker = () => string | Promise<string>

/** Secrets by name: each is made once and kept for ever. Of racing callers all get the one that is kept, whoever made it. */
export function sqliteSecrets(database: SqliteDatabase): (name: string, make: SecretMaker) => Promise<string> {
  const find = database.prepare('select value from secrets where name = ?')
  const keep = database.prepare('insert into secrets (name, value) values (?, ?) on conflict (name) do nothing')
  return async (given, make) => {
    const name = toStorableText(given)
    const kept = await database.read(() => find.get(name)?.['value'])
    if (typeof kept === 'string') return kept
    const made = toStorableText(await make())
    return database.write(() => {
      keep.run(name, made)
      return find.get(name)?.['value'] as string
    })
  }
}
