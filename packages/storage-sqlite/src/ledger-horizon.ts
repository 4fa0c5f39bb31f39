import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'

const horizons = new WeakMap<SqliteDatabase, LedgerHorizon>()

/** The horizon of a database: one, whoever asks. */
export function ledgerHorizon(database: SqliteDatabase): LedgerHorizon {
  const known = horizons.get(database) ?? new LedgerHorizon(database)
  horizons.set(database, known)
  return known
}

/** Since when entries are kept whole. Before it there are sums only; entries from before it may still be there, and count for nothing. */
export class LedgerHorizon {
  readonly #find: StatementSync
  readonly #keep: StatementSync
  /** Undefined: to be read. */
  #keptSince: number | undefined

  /** For {@link ledgerHorizon}. */
  constructor(database: SqliteDatabase) {
    this.#find = database.prepare('select started_at from horizon')
    this.#keep = database.prepare(
      'insert into horizon (only_row, started_at) values (1, ?) on conflict do update set started_at = max(started_at, excluded.started_at)',
    )
    database.onRollback(() => (this.#keptSince = undefined))
  }

  /** Milliseconds since the epoch, at the start of a day of UTC; before all time where nothing has expired yet. */
  get keptSince(): number {
    return (this.#keptSince ??= this.#found())
  }

  /** Never goes back. Within a transaction only. */
  advance(toMillis: number): void {
    if (toMillis <= this.keptSince) return
    this.#keep.run(toMillis)
    this.#keptSince = toMillis
  }

  #found(): number {
    const startedAt = this.#find.get()?.['started_at']
    return typeof startedAt === 'number' ? startedAt : -Infinity
  }
}
