import type { AccountSlot, Clock } from '@sluice/core'
import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A hold's part of one account, and what it has charged there. */
export interface HoldLine {
  readonly slot: AccountSlot
  readonly held: bigint
  readonly charged: bigint
}

/** A hold that has not ended, or was booked and may yet be settled, or is settled. */
export type Hold = { readonly state: 'open' | 'booked'; readonly lines: readonly HoldLine[] } | { readonly state: 'settled' }

/** How many holds are remembered until they end; the others are looked up. */
const maxRemembered = 20_000

/** Holds that have ended are taken out of the table of open ones when there are so many: together, since they share its pages. */
const sweptAtOnce = 64

/**
 * Holds by their id. Those that have not ended have a table of their own, so that it stays small. One that has ended is in the other table, and counts as ended whatever
 * is still in the first.
 */
export class BudgetHolds {
  readonly #clock: Clock
  /** Of those that have not ended: each is asked for once more, when it does. */
  readonly #remembered = new Map<string, readonly HoldLine[]>()
  readonly #find: StatementSync
  readonly #keep: StatementSync
  readonly #sweep: StatementSync
  readonly #end: StatementSync
  readonly #expired: StatementSync
  readonly #prune: StatementSync
  /** Holds that have ended since, about: after a change that was undone there may be fewer. */
  #unswept = 0

  constructor(database: SqliteDatabase) {
    this.#clock = database.clock
    // The first row counts.
    this.#find = database.prepare(
      `select 1 as has_ended, lines from ended_holds where hold_id = ?1 union all select 0 as has_ended, lines from holds where hold_id = ?1 limit 1`,
    )
    const hasEnded = 'exists (select 1 from ended_holds where ended_holds.hold_id = holds.hold_id)'
    this.#keep = database.prepare(
      'insert into holds (hold_id, expires_at, lines) values (?, ?, ?) on conflict do update set expires_at = excluded.expires_at, lines = excluded.lines',
    )
    this.#sweep = database.prepare(`delete from holds where ${hasEnded}`)
    this.#end = database.prepare(
      `insert into ended_holds (hold_id, ended_at, lines) values (?, ?, ?)
       on conflict do update set ended_at = excluded.ended_at, lines = excluded.lines`,
    )
    this.#expired = database.prepare(`select hold_id, lines from holds where expires_at < ? and not ${hasEnded} order by expires_at, hold_id limit ?`)
    this.#prune = database.prepare(
      `delete from ended_holds where hold_id in (select hold_id from ended_holds where ended_at < ? order by ended_at limit ${prunedAtOnce})`,
    )
    database.onRollback(() => this.#remembered.clear())
  }

  find(holdId: string): Hold | undefined {
    const remembered = this.#remembered.get(holdId)
    if (remembered !== undefined) return { state: 'open', lines: remembered }
    const row = this.#find.get(holdId)
    if (row === undefined) return undefined
    const lines = row['lines'] as string | null
    return lines === null ? { state: 'settled' } : { state: row['has_ended'] === 1 ? 'booked' : 'open', lines: parseLines(lines) }
  }

  findOpen(holdId: string): readonly HoldLine[] | undefined {
    const hold = this.find(holdId)
    return hold?.state === 'open' ? hold.lines : undefined
  }

  /** Keeps a hold that has not ended. Within a transaction only, as the others that change. */
  keep(holdId: string, expiresAt: number, lines: readonly HoldLine[]): void {
    this.#keep.run(holdId, expiresAt, toLinesText(lines))
    if (this.#remembered.size < maxRemembered || this.#remembered.has(holdId)) this.#remembered.set(holdId, lines)
  }

  settle(holdId: string): void {
    this.#finish(holdId, null)
  }

  book(holdId: string, lines: readonly HoldLine[]): void {
    this.#finish(holdId, toLinesText(lines))
  }

  expired(before: number, limit: number): readonly { readonly holdId: string; readonly lines: readonly HoldLine[] }[] {
    return this.#expired.all(before, limit).map((row) => ({ holdId: row['hold_id'] as string, lines: parseLines(row['lines'] as string) }))
  }

  #finish(holdId: string, booked: string | null): void {
    this.#remembered.delete(holdId)
    this.#end.run(holdId, this.#clock.now(), booked)
    this.#unswept += 1
    if (this.#unswept >= sweptAtOnce) this.#sweepEnded()
  }

  #sweepEnded(): void {
    this.#sweep.run()
    this.#unswept = 0
  }

  /** Forgets some holds that ended before an instant; false once there are none left. */
  prune(before: number): boolean {
    // Forgotten, they would be open again.
    this.#sweepEnded()
    return this.#prune.run(before).changes === prunedAtOnce
  }
}

const prunedAtOnce = 1_000

type LineText = readonly [account: string, bucket: number, firstBucket: number, held: string, charged: string]

function toLinesText(lines: readonly HoldLine[]): string {
  return JSON.stringify(lines.map(({ slot, held, charged }): LineText => [slot.account, slot.bucket, slot.firstBucket, held.toString(), charged.toString()]))
}

function parseLines(text: string): readonly HoldLine[] {
  return (JSON.parse(text) as readonly LineText[]).map(([account, bucket, firstBucket, held, charged]) => ({
    slot: { account, bucket, firstBucket },
    held: BigInt(held),
    charged: BigInt(charged),
  }))
}
