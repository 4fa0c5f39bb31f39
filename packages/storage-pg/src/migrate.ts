import { migrations as known, type Migration } from './migrations/index.ts'
import type { PgClient, PgPool } from './pool.ts'
import { quoted, validSchema } from './schema-name.ts'
import { StoreError, toStoreError } from './store-error.ts'
import { withTransaction } from './transaction.ts'

/** Options of {@link migrate} and {@link checkSchema}. */
export interface SchemaOptions {
  /** @defaultValue 'sluice' */
  readonly schema?: string
  /** What this version knows, for tests of an upgrade. @defaultValue the package's own */
  readonly migrations?: readonly Migration[]
}

/** What {@link migrate} did. */
export interface MigrationResult {
  /** Versions applied by this call; empty where the database was up to date, or another caller was faster. */
  readonly applied: readonly number[]
  /** The version that the database is at now. */
  readonly version: number
}

/**
 * Brings a database to this version. Explicit: no store migrates by itself. Each migration is one transaction under an advisory lock, so callers that race
 * apply each exactly once, and one that fails leaves the version before it. Idempotent.
 *
 * @throws StoreError
 */
export async function migrate(pool: PgPool, options: SchemaOptions = {}): Promise<MigrationResult> {
  const schema = validSchema(options.schema)
  const migrations = options.migrations ?? known
  const applied: number[] = []
  try {
    for (;;) {
      const step = await withTransaction(pool, (client) => applyNext(client, schema, migrations))
      if (!step.isApplied) return { applied, version: step.version }
      applied.push(step.version)
    }
  } catch (error) {
    throw toStoreError(error)
  }
}

async function applyNext(
  client: PgClient,
  schema: string,
  migrations: readonly Migration[],
): Promise<{ readonly isApplied: boolean; readonly version: number }> {
  const name = quoted(schema)
  await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`${schema}.migrate`])
  // Read from the catalogue's tables: a look-up by name may be answered from before the lock was waited for.
  const { rows } = await client.query(
    `select c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = 'migrations'`,
    [schema],
  )
  if (rows.length === 0) {
    await client.query(
      `create schema if not exists ${name};
       create table ${name}.migrations (version integer primary key, name text not null, min_reader integer not null, applied_at timestamptz not null default now())`,
    )
  }
  const { version } = await versionOf((text, values) => client.query(text, values), name)
  const next = migrations.find((migration) => migration.version === version + 1)
  if (next === undefined) return { isApplied: false, version }
  await client.query(next.sql.replaceAll('{s}', name))
  await client.query(`insert into ${name}.migrations (version, name, min_reader) values ($1::int, $2, $3::int)`, [
    String(next.version),
    next.name,
    String(next.minReader),
  ])
  return { isApplied: true, version: next.version }
}

/**
 * Resolves where the database can be served: it is at this version, or ahead of it by migrations that say this version can live with them.
 *
 * @throws StoreError with the code `schema`, and what to do
 */
export async function checkSchema(pool: Pick<PgPool, 'query'>, options: SchemaOptions = {}): Promise<void> {
  const schema = validSchema(options.schema)
  const own = (options.migrations ?? known).at(-1)?.version ?? 0
  const { version, minReader } = await versionOf((text, values) => pool.query(text, values), quoted(schema)).catch((error: unknown) => {
    const storeError = toStoreError(error)
    if (storeError.code === 'schema') return { version: 0, minReader: 0 }
    throw storeError
  })
  if (version < own)
    throw new StoreError('schema', `The database's schema "${schema}" is at version ${version}, and this version of Sluice needs ${own}. Run: sluice migrate`)
  if (version > own && minReader > own)
    throw new StoreError(
      'schema',
      `The database's schema "${schema}" is at version ${version}, and this version of Sluice knows ${own}. Upgrade Sluice: the database needs one that knows ${minReader} or more.`,
    )
}

async function versionOf(query: PgClient['query'], name: string): Promise<{ readonly version: number; readonly minReader: number }> {
  const { rows } = await query(`select version::text as version, min_reader::text as reader from ${name}.migrations order by migrations.version desc limit 1`)
  return { version: Number(rows[0]?.['version'] ?? 0), minReader: Number(rows[0]?.['reader'] ?? 0) }
}
