import { toStorableText } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What administrators set, each record under its id, changed one version after the other. */
export class VersionedRecords {
  readonly #database: SqliteDatabase
  readonly #insert: StatementSync
  readonly #update: StatementSync
  readonly #remove: StatementSync
  readonly #all: StatementSync

  constructor(database: SqliteDatabase, table: 'budgets' | 'limits') {
    this.#database = database
    this.#insert = database.prepare(`insert into ${table} (id, version, json) values (?, 1, ?) on conflict (id) do nothing`)
    this.#update = database.prepare(`update ${table} set version = ?1, json = ?2 where id = ?3 and version = ?1 - 1`)
    this.#remove = database.prepare(`delete from ${table} where id = ?`)
    this.#all = database.prepare(`select json from ${table} order by id`)
  }

  /** Keeps version 1 of a new record, or the next version of one that is there; resolves with false for any other. */
  define(id: string, version: number, json: string): Promise<boolean> {
    const kept = toStorableText(id)
    return this.#database.write(() => (version === 1 ? this.#insert.run(kept, json) : this.#update.run(version, json, kept)).changes === 1)
  }

  /** Resolves with false where it is not there. */
  remove(id: string): Promise<boolean> {
    return this.#database.write(() => this.#remove.run(toStorableText(id)).changes === 1)
  }

  /** All of them as JSON, in order of their id. */
  all(): Promise<readonly string[]> {
    return this.#database.read(() => this.#all.all().map(({ json }) => json as string))
  }
}
