import { ConfigurationError } from '@sluice/core'
import { sampleEntries } from '@sluice/core/testing'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { openSqlite } from './index.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations.ts'

const folder = await mkdtemp(join(tmpdir(), 'storage-sqlite-'))
afterAll(() => rm(folder, { recursive: true }))

function changed(path: string, change: (database: DatabaseSync) => void): string {
  const database = new DatabaseSync(path)
  change(database)
  database.close()
  return path
}

const schemaOf = (database: DatabaseSync): readonly unknown[] => database.prepare('select type, name, sql from sqlite_schema order by name').all()

test('R24: a database of every earlier schema is upgraded to the schema of a new one, and keeps what is in it', async () => {
  const fresh = new DatabaseSync(':memory:')
  migrate(fresh, ':memory:')
  for (let version = 1; version < migrations.length; version += 1) {
    const path = changed(join(folder, `version-${version}.db`), (database) => {
      migrate(database, 'old', migrations.slice(0, version))
      database.exec(`insert into facets (digest, session) values (x'00', 'kept')`)
    })
    const store = await openSqlite(path)
    for (const entry of sampleEntries(1, 10)) await store.ledger.append(entry)
    await store.close()
    changed(path, (database) => {
      expect(database.prepare('pragma user_version').get()).toEqual({ user_version: migrations.length })
      expect(database.prepare(`select session from facets where digest = x'00'`).get()).toEqual({ session: 'kept' })
      expect(schemaOf(database)).toEqual(schemaOf(fresh))
    })
  }
})

test('R24: a schema newer than this version knows is refused, and left as it is', async () => {
  const path = join(folder, 'newer.db')
  await (await openSqlite(path)).close()
  changed(path, (database) => database.exec(`pragma user_version = ${migrations.length + 1}`))
  await expect(openSqlite(path)).rejects.toThrow(
    new RegExp(
      `has schema ${migrations.length + 1}, which is newer than ${migrations.length}, the newest that this version knows. Use the version that wrote it`,
    ),
  )
  await expect(openSqlite(path)).rejects.toBeInstanceOf(ConfigurationError)
  changed(path, (database) => expect(database.prepare('pragma user_version').get()).toEqual({ user_version: migrations.length + 1 }))
})

test('a step that fails leaves the schema as it was', () => {
  const database = new DatabaseSync(':memory:')
  migrate(database, 'half', migrations.slice(0, 1))
  const before = schemaOf(database)
  expect(() => migrate(database, 'half', [...migrations.slice(0, 1), 'create table added (a) strict', 'create table broken (a text'])).toThrow(
    /incomplete input|type/,
  )
  expect([schemaOf(database), database.prepare('pragma user_version').get()]).toEqual([before, { user_version: 1 }])
})

test('another program’s database, and a file that is none, are refused and left as they are', async () => {
  const path = changed(join(folder, 'other.db'), (database) => database.exec('create table theirs (a)'))
  await expect(openSqlite(path)).rejects.toThrow("is another program's database")
  changed(path, (database) => expect(schemaOf(database)).toHaveLength(1))
  const text = join(folder, 'text.db')
  await writeFile(text, 'A text of some length, which is no database at all, and no less than a hundred characters long, so that it is read as one.')
  await expect(openSqlite(text)).rejects.toMatchObject({ name: 'StoreError', code: 'damaged' })
})
