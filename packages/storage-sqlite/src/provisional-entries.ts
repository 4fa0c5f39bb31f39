import type { LedgerEntry, ProvisionalEntries } from '@sluice/core'
import { parseEntryJson, toStorableText } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import { storableEntry, type LedgerEntries } from './ledger-entries.ts'
import { rowLimit } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What exchanges under way are to count as if nobody settles them. All that was left by processes before this one is there to be recovered at once. */
export function provisionalEntries(database: SqliteDatabase, entries: LedgerEntries): ProvisionalEntries {
  const kept = provisionalSlots(database)
  return {
    open: (entry, owner) => kept.open(entry, owner),
    keepAlive: (owner, until) => database.read(() => kept.keepAlive(owner, until)),
    recover: (at, limit) => kept.recover(at, limit, entries),
  }
}

const slotsOf = new WeakMap<SqliteDatabase, ProvisionalSlots>()

/** The slots of a database: one, whoever asks. */
export function provisionalSlots(database: SqliteDatabase): ProvisionalSlots {
  const known = slotsOf.get(database) ?? new ProvisionalSlots(database)
  slotsOf.set(database, known)
  return known
}

/** An exchange that is open, or about to be. */
interface Occupant {
  readonly slot: number
  /** Resolves once it is kept, or turned out to be in the ledger already. */
  readonly kept: Promise<void>
}

/**
 * Keeps each open exchange in a row that serves one after the other: to be in the ledger is to be open no more, so nothing is written to close one, and the few rows are
 * always the same pages. Which row is whose is remembered, since this process alone has the database.
 */
export class ProvisionalSlots {
  readonly #database: SqliteDatabase
  readonly #open: StatementSync
  readonly #left: StatementSync
  readonly #remove: StatementSync
  readonly #sweep: StatementSync
  /** By exchange. */
  readonly #occupants = new Map<string, Occupant>()
  /** Taken from the end: the one that came free last is likely to be in the page that was written last. */
  readonly #free: number[] = []
  #slots = 0
  /**
   * Until when owners have said that they live. In memory: the word of an owner of an earlier process is void, whatever it was, and the present one's ends
   * with it.
   */
  readonly #aliveUntil = new Map<string, number>()

  /** For {@link provisionalSlots}. */
  constructor(database: SqliteDatabase) {
    this.#database = database
    const isClosed = 'exists (select 1 from entries where entries.exchange_id = provisional_slots.exchange_id)'
    this.#open = database.prepare(
      `insert or replace into provisional_slots (slot, exchange_id, owner, json)
       select ?1, ?2, ?3, ?4 where not exists (select 1 from entries where exchange_id = ?2)`,
    )
    this.#left = database.prepare(
      `select slot, exchange_id, json from provisional_slots where owner not in (select value from json_each(?)) and not ${isClosed} order by slot limit ?`,
    )
    this.#remove = database.prepare('delete from provisional_slots where slot = ?')
    this.#sweep = database.prepare(`delete from provisional_slots where ${isClosed}`)
    for (const row of database.prepare(`select slot, exchange_id, ${isClosed} as is_closed from provisional_slots order by slot`).all()) {
      const slot = row['slot'] as number
      for (this.#slots += 1; this.#slots < slot; this.#slots += 1) this.#free.push(this.#slots)
      if (row['is_closed'] === 1) this.#free.push(slot)
      else this.#occupants.set(row['exchange_id'] as string, { slot, kept: Promise.resolve() })
    }
  }

  /** See {@link ProvisionalEntries.open}. */
  open(entry: LedgerEntry, owner: string): Promise<void> {
    const { kept, json } = storableEntry(entry)
    const id = kept.exchangeId
    const known = this.#occupants.get(id)
    if (known !== undefined) return known.kept
    const slot = this.#free.pop() ?? (this.#slots += 1)
    const written = this.#write(slot, id, toStorableText(owner), json)
    this.#occupants.set(id, { slot, kept: written })
    return written
  }

  async #write(slot: number, id: string, owner: string, json: string): Promise<void> {
    let isKept = false
    try {
      isKept = await this.#database.write(() => this.#open.run(slot, id, owner, json).changes === 1)
    } finally {
      if (!isKept) this.close(id)
    }
  }

  /** Gives an exchange's row to the next, once it is in the ledger. */
  close(exchangeId: string): void {
    const occupant = this.#occupants.get(exchangeId)
    if (occupant === undefined) return
    this.#occupants.delete(exchangeId)
    this.#free.push(occupant.slot)
  }

  /** See {@link ProvisionalEntries.keepAlive}. */
  keepAlive(owner: string, until: number): void {
    this.#aliveUntil.set(toStorableText(owner), until)
  }

  /** See {@link ProvisionalEntries.recover}. */
  async recover(at: number, limit: number, entries: LedgerEntries): Promise<readonly LedgerEntry[]> {
    const recovered = await this.#database.write(() => {
      for (const [owner, until] of this.#aliveUntil) if (until <= at) this.#aliveUntil.delete(owner)
      return this.#left.all(JSON.stringify([...this.#aliveUntil.keys()]), rowLimit(limit)).map(({ slot, json }) => {
        const entry = parseEntryJson(json as string)
        entries.keepRecovered(entry, json as string)
        this.#remove.run(slot as number)
        return entry
      })
    })
    for (const { exchangeId } of recovered) this.close(exchangeId)
    return recovered
  }

  /** Empties the rows of exchanges that are in the ledger: before entries are forgotten, since then nothing tells that they were closed. Within a transaction only. */
  sweep(): void {
    this.#sweep.run()
  }
}
