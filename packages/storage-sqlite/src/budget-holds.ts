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

/** Holds by their id. Those that have not ended have a table of their own, so that it stays small. */
export class BudgetHolds {
  readonly #clock: Clock
  /** Of those that have not ended: each is asked for once more, when it does. */
  readonly #remembered = new Map<string, readonly HoldLine[]>()
  readonly #findOpen: StatementSync
  readonly #findEnded: StatementSync
  readonly #keep: StatementSync
  readonly #remove: StatementSync
  readonly #end: StatementSync
  readonly #expired: StatementSync
  readonly #prune: StatementSync

  constructor(database: SqliteDatabase) {
    this.#clock = database.clock
    this.#findOpen = database.prepare('select lines from holds where hold_id = ?')
    this.#findEnded = database.prepare('select lines from ended_holds where hold_id = ?')
    this.#keep = database.prepare(
      'insert into holds (hold_id, expires_at, lines) values (?, ?, ?) on conflict do update set expires_at = excluded.expires_at, lines = excluded.lines',
    )
    this.#remove = database.prepare('delete from holds where hold_id = ?')
    this.#end = database.prepare(
      `insert into ended_holds (hold_id, ended_at, lines) values (?, ?, ?)
       on conflict do update set ended_at = excluded.ended_at, lines = excluded.lines`,
    )
    this.#expired = database.prepare('select hold_id, lines from holds where expires_at < ? order by expires_at, hold_id limit ?')
    this.#prune = database.prepare(
      `delete from ended_holds where hold_id in (select hold_id from ended_holds where ended_at < ? order by ended_at limit ${prunedAtOnce})`,
    )
    database.onRollback(() => this.#remembered.clear())
  }

  find(holdId: string): Hold | undefined {
    const open = this.findOpen(holdId)
    if (open !== undefined) return { state: 'open', lines: open }
    const ended = this.#findEnded.get(holdId)
    if (ended === undefined) return undefined
    return ended['lines'] === null ? { state: 'settled' } : { state: 'booked', lines: parseLines(ended['lines'] as string) }
  }

  findOpen(holdId: string): readonly HoldLine[] | undefined {
    const remembered = this.#remembered.get(holdId)
    if (remembered !== undefined) return remembered
    const open = this.#findOpen.get(holdId)
    return open === undefined ? undefined : parseLines(open['lines'] as string)
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
    this.#remove.run(holdId)
    this.#end.run(holdId, this.#clock.now(), booked)
  }

  /** Forgets some holds that ended before an instant; false once there are none left. */
  prune(before: number): boolean {
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
