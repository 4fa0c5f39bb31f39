import { sampleEntry } from '@sluice/core/testing'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, hasPostgres, pgliteDatabase } from '../test/databases.ts'
import { eachDatabase } from '../test/each-database.ts'
import { checkSchema, migrate } from './migrate.ts'
import { migrations, type Migration } from './migrations/index.ts'
import { pgStore } from './pg-store.ts'
import { StoreError } from './store-error.ts'

const latest = migrations.length

/** The next version of this package: one migration more. */
const next = (minReader: number, sql = 'create table {s}.added (id integer)'): readonly Migration[] => [
  ...migrations,
  { version: latest + 1, name: 'added', minReader, sql },
]

test('migrations are numbered from 1 without a gap, and none shuts out a version that knows it', () => {
  expect(migrations.map(({ version }) => version)).toEqual(Array.from({ length: latest }, (_, index) => index + 1))
  expect(migrations.filter(({ version, minReader }) => minReader > version)).toEqual([])
})

eachDatabase((database) => {
  let schemas = 0
  const newSchema = (): string => `m${(schemas += 1)}`
  const problem = (schema: string, known = migrations): Promise<unknown> =>
    checkSchema(database().pool, { schema, migrations: known }).then(
      () => 'served',
      (error: unknown) => error,
    )

  test('a database without a schema is refused, and the refusal says what to run', async () => {
    const schema = newSchema()
    const store = pgStore(database().pool, { schema })
    const error = await store.checkSchema().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'schema', isTransient: false })
    expect(String(error)).toMatch(/sluice migrate/)
    await expect(store.ledger.append(sampleEntry())).rejects.toMatchObject({ code: 'schema' })
    await migrate(database().pool, { schema })
    await store.ledger.append(sampleEntry())
  })

  test('migrating applies each migration once, and again changes nothing', async () => {
    const schema = newSchema()
    expect(await migrate(database().pool, { schema })).toEqual({ applied: migrations.map(({ version }) => version), version: latest })
    expect(await migrate(database().pool, { schema })).toEqual({ applied: [], version: latest })
    expect(await problem(schema)).toBe('served')
  })

  test('R24, J5: an older database is upgraded with what it holds, and refused until then', async () => {
    const schema = newSchema()
    const { pool } = database()
    await migrate(pool, { schema })
    const store = pgStore(pool, { schema })
    const entries = Array.from({ length: 20 }, () => sampleEntry())
    await Promise.all(entries.map((entry) => store.ledger.append(entry)))
    const before = await store.ledger.report({ groupBy: ['model', 'day'] })
    expect(String(await problem(schema, next(1)))).toMatch(/is at version \d+, and this version of Sluice needs \d+. Run: sluice migrate/)
    expect(await migrate(pool, { schema, migrations: next(1) })).toEqual({ applied: [latest + 1], version: latest + 1 })
    expect(await problem(schema, next(1))).toBe('served')
    expect(await store.ledger.report({ groupBy: ['model', 'day'] })).toEqual(before)
  })

  test('R24: a database one migration ahead is served where that migration says so, with reads and writes, and refused where it does not', async () => {
    const [compatible, breaking] = [newSchema(), newSchema()]
    const { pool } = database()
    await migrate(pool, { schema: compatible, migrations: next(latest) })
    await migrate(pool, { schema: breaking, migrations: next(latest + 1) })
    const store = pgStore(pool, { schema: compatible })
    await store.ledger.append(sampleEntry())
    expect((await store.ledger.report({ groupBy: [] }))[0]?.exchanges).toBe(1)
    expect(await migrate(pool, { schema: compatible })).toEqual({ applied: [], version: latest + 1 })
    expect(String(await problem(breaking))).toMatch(/Upgrade Sluice/)
  })

  test('a migration that fails leaves the version before it, whole', async () => {
    const schema = newSchema()
    const { pool } = database()
    await migrate(pool, { schema })
    const broken = next(latest, 'create table {s}.half (id integer); select 1 / 0')
    await expect(migrate(pool, { schema, migrations: broken })).rejects.toMatchObject({ name: 'StoreError', sqlState: '22012' })
    expect(await problem(schema)).toBe('served')
    const { rows } = await pool.query<{ half: string | null }>('select to_regclass($1)::text as half', [`${schema}.half`])
    expect(rows).toEqual([{ half: null }])
  })

  test('a schema may have the name of a reserved word, and no name that is more than a plain identifier', async () => {
    const { pool } = database()
    await migrate(pool, { schema: 'select' })
    await pgStore(pool, { schema: 'select' }).ledger.append(sampleEntry())
    for (const schema of ['', 'Sluice', 'a"b', "a'b", 'a.b', 'a b', '1a', 'pg_x', 'x'.repeat(41)])
      expect(() => pgStore(pool, { schema }), schema).toThrow(expect.objectContaining({ name: 'ConfigurationError', option: 'schema' }))
  })
})

describe.skipIf(!hasPostgres)('two nodes', () => {
  let pools: readonly pg.Pool[] = []
  beforeAll(async () => {
    const connectionString = await createDatabase()
    pools = Array.from({ length: 8 }, () => new pg.Pool({ connectionString, max: 2 }))
  })
  afterAll(() => Promise.all(pools.map((pool) => pool.end())))

  test('R24, J5: nodes that start together migrate once', async () => {
    // Asked before, so that each connection remembers that there is nothing.
    await Promise.all(pools.map((pool) => pool.query(`select to_regclass('sluice.migrations')`)))
    const results = await Promise.all(pools.map((pool) => migrate(pool)))
    expect(results.flatMap(({ applied }) => applied).toSorted((left, right) => left - right)).toEqual(migrations.map(({ version }) => version))
    expect(new Set(results.map(({ version }) => version))).toEqual(new Set([latest]))
  })
})

test('R24: what PGlite keeps in a folder is there when it is opened again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-pglite-'))
  const entry = sampleEntry()
  const first = await pgliteDatabase(folder)
  await migrate(first.pool)
  await pgStore(first.pool).ledger.append(entry)
  await first.close()
  const second = await pgliteDatabase(folder)
  expect(await migrate(second.pool)).toEqual({ applied: [], version: latest })
  expect(await pgStore(second.pool).ledger.exchanges({})).toEqual([entry])
  await second.close()
  await rm(folder, { recursive: true })
})
