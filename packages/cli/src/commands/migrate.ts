import type { Command } from '../command.ts'
import { CommandError, messageOf, UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { keepAlive } from '../start/open-store.ts'
import { isPostgresUrl } from '../start/store-setting.ts'

const flags: FlagSpecs = {
  store: { value: 'URL', about: 'the database: postgres://user:password@host/name (SLUICE_STORE; better there, other users can see flags)' },
  json: { about: 'for programs' },
}

/** `sluice migrate`: nothing else changes a schema. */
export const migrate: Command = {
  usage: 'migrate --store postgres://… [flags]',
  about: 'Brings a PostgreSQL database to the schema of this version. Safe to repeat, and to run from several places at once.',
  flags,
  run: async (argv, terminal) => {
    const given = parseFlags(flags, argv)
    const url = given.text('store') ?? (terminal.environment['SLUICE_STORE'] || undefined)
    if (url === undefined || !isPostgresUrl(url))
      throw new UsageError(
        '--store: give the database as postgres://user:password@host/name. Only PostgreSQL is migrated by hand; SQLite is when it is opened.',
      )
    const [{ migrate: migrateSchema }, { default: pg }] = await Promise.all([import('@sluice/storage-pg'), import('pg')])
    const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 5_000 })
    const stayAlive = keepAlive()
    try {
      const { applied, version } = await migrateSchema(pool)
      if (given.has('json')) terminal.write(JSON.stringify({ applied, version }, null, 2))
      else
        terminal.write(
          applied.length === 0 ? `The database is at version ${version} already.` : `Applied ${applied.join(', ')}; the database is at version ${version}.`,
        )
      return 0
    } catch (cause) {
      throw new CommandError(messageOf(cause), { cause })
    } finally {
      stayAlive()
      await pool.end()
    }
  },
}
