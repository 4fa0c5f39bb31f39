import { ConfigurationError } from '@sluice/core'
import type { DatabaseSync } from 'node:sqlite'
import { migrations } from './migrations.ts'

/** "slce": how a file says that it is this package's. */
const applicationId = 0x736c6365

/**
 * Brings a database to the schema of this version, in one transaction. `user_version` counts the migrations that it has.
 *
 * @throws ConfigurationError where the schema is newer than the migrations, or another program's
 */
export function migrate(database: DatabaseSync, path: string, known: readonly string[] = migrations): void {
  database.exec('begin exclusive')
  try {
    const version = pragma(database, 'user_version')
    const isNew = version === 0 && database.prepare('select 1 from sqlite_schema').get() === undefined
    if (!isNew && pragma(database, 'application_id') !== applicationId)
      throw new ConfigurationError('openSqlite.path', `${path} is another program's database. Give a path of its own to this store.`)
    if (version > known.length)
      throw new ConfigurationError(
        'openSqlite.path',
        `${path} has schema ${version}, which is newer than ${known.length}, the newest that this version knows. Use the version that wrote it, or a copy from before its upgrade.`,
      )
    for (const migration of known.slice(version)) database.exec(migration)
    if (version < known.length) database.exec(`pragma application_id = ${applicationId}; pragma user_version = ${known.length}`)
    database.exec('commit')
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`pragma ${name}`).get()?.[name])
}
