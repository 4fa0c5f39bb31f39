import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { migrate } from '../src/index.ts'

/** A database for one test file. */
export interface TestDatabase {
  readonly name: 'PostgreSQL' | 'PGlite'
  readonly pool: pg.Pool
  /** A schema of its own, migrated: as good as a fresh database, and cheaper. */
  readonly freshSchema: () => Promise<string>
  /** Gives a schema back for the next one who asks for a fresh one: emptying it is cheaper than making it. */
  readonly release: (schema: string) => void
  readonly close: () => Promise<void>
}

/** Whether there is a real server to test against. */
export const hasPostgres: boolean = inject('postgresPort') !== 0

let schemas = 0

function databaseOn(name: TestDatabase['name'], pool: pg.Pool, close: () => Promise<void>): TestDatabase {
  // A server that a test stops breaks idle connections; without a listener, that would end the test run.
  pool.on('error', () => undefined)
  const released = new Set<string>()
  return {
    name,
    pool,
    freshSchema: async () => {
      const used = [...released][0]
      if (used !== undefined) {
        released.delete(used)
        await pool.query(emptied(used))
        return used
      }
      const schema = `s${(schemas += 1)}`
      await migrate(pool, { schema })
      return schema
    },
    release: (schema) => void released.add(schema),
    close,
  }
}

/** Deletes all rows but those that say which migrations were applied. */
function emptied(schema: string): string {
  return `do $$ declare name text; begin
    for name in select relname from pg_class where relnamespace = '${schema}'::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> 'migrations' loop
      execute format('delete from ${schema}.%I', name);
    end loop;
  end $$`
}

/** Makes an empty database on the server that all test files share, and resolves with its URL. */
export async function createDatabase(): Promise<string> {
  const server = `postgres://postgres@127.0.0.1:${inject('postgresPort')}`
  const name = `t_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: `${server}/postgres` })
  await admin.connect()
  await admin.query(`create database ${name}`)
  await admin.end()
  return `${server}/${name}`
}

/** A new database on the real server. */
export async function postgresDatabase(): Promise<TestDatabase> {
  const pool = new pg.Pool({ connectionString: await createDatabase(), max: 20 })
  return databaseOn('PostgreSQL', pool, () => pool.end())
}

/** A PGlite in memory, or in a folder. */
export async function pgliteDatabase(folder?: string): Promise<TestDatabase> {
  const pglite = new PGlite(folder)
  const pool = new pg.Pool(createPgConfig(pglite))
  return databaseOn('PGlite', pool, async () => {
    await pool.end()
    await pglite.close()
  })
}
