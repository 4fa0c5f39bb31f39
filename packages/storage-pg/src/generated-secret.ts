import type { Database } from './database.ts'

const repeatable = { isIdempotent: true } as const

/** Gets a secret, or makes and keeps one. Of racing callers all get the one that was kept. */
export async function generatedSecret(database: Database, name: string, make: () => string | Promise<string>): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const { rows } = await database.query('select secret from {s}.secrets where name = $1', [name], repeatable)
    return rows[0] === undefined ? undefined : String(rows[0]['secret'])
  }
  const known = await find()
  if (known !== undefined) return known
  const made = await make()
  await database.query('insert into {s}.secrets (name, secret) values ($1, $2) on conflict do nothing', [name, made], repeatable)
  return (await find()) ?? made
}
