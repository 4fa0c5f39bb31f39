import { parseBudgetJson, toBudgetJson, type AccountSlot, type Balance, type BookedHold, type BudgetBook, type BudgetClaim } from '@sluice/core'
import type { BudgetDraw, BudgetSettlement, Reservation, ReservationResult } from '@sluice/core'
import { toStorableText } from '@sluice/core/ledger'
import { BudgetHolds, type HoldLine } from './budget-holds.ts'
import { BudgetPots } from './budget-pots.ts'
import { rowLimit } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import { VersionedRecords } from './versioned-records.ts'

/** A {@link BudgetBook} in an SQLite database. Each verb is one transaction; holds that have ended are remembered until `prune` is told to forget them. */
export function sqliteBudgetBook(database: SqliteDatabase): BudgetBook {
  const arithmetic = new BudgetArithmetic(database)
  const budgets = new VersionedRecords(database, 'budgets')
  const tell = database.prepare('insert into thresholds (account, bucket, percent) values (?, ?, ?) on conflict do nothing')
  return {
    reserve: (reservation) => database.write(() => arithmetic.reserve(reservation)),
    settle: (settlements) => database.write(() => settlements.map((settlement) => arithmetic.settle(settlement)), 'along'),
    draw: (draw) => database.write(() => arithmetic.draw(draw)),
    bookExpired: (before, limit) => database.write(() => arithmetic.bookExpired(before, limit)),
    balances: (slots) => database.read(() => arithmetic.balances(slots)),
    claimThreshold: (account, bucket, percent) => database.write(() => tell.run(toStorableText(account), bucket, percent).changes === 1),
    prune: async (before) => {
      while (await database.write(() => arithmetic.prune(before)));
    },
    define: (budget) => budgets.define(budget.id, budget.version, toBudgetJson(budget)),
    remove: (id) => budgets.remove(id),
    budgets: async () => (await budgets.all()).map(parseBudgetJson),
  }
}

/** What becomes of pots and holds. Every verb that changes is for a transaction of its own. */
class BudgetArithmetic {
  readonly #pots: BudgetPots
  readonly #holds: BudgetHolds

  constructor(database: SqliteDatabase) {
    this.#pots = new BudgetPots(database)
    this.#holds = new BudgetHolds(database)
  }

  reserve({ holdId: given, claims, expiresAt }: Reservation): ReservationResult {
    const holdId = toStorableText(given)
    const balances = this.balances(claims)
    if (this.#holds.find(holdId) !== undefined) return { isGranted: true, balances, refused: [] }
    const refused: number[] = []
    for (const [index, { cap, amount }] of claims.entries()) {
      const { spent, held } = balances[index] as Balance
      if (cap !== undefined && spent + held + amount > cap) refused.push(index)
    }
    if (refused.length > 0) return { isGranted: false, balances, refused }
    const lines = claims.map(({ account, bucket, firstBucket, amount }): HoldLine => ({ slot: { account, bucket, firstBucket }, held: amount, charged: 0n }))
    for (const { slot, held } of lines) this.#pots.change(slot, 0n, held)
    this.#holds.keep(holdId, expiresAt, lines)
    // No two claims name one account.
    return { isGranted: true, balances: balances.map(({ spent, held }, index) => ({ spent, held: held + (claims[index] as BudgetClaim).amount })), refused }
  }

  settle({ holdId: given, charges }: BudgetSettlement): readonly Balance[] {
    const holdId = toStorableText(given)
    const hold = this.#holds.find(holdId)
    if (hold?.state !== 'settled') {
      for (const { slot, held, charged } of hold?.lines ?? []) this.#pots.change(slot, -charged, -held)
      for (const charge of charges) this.#pots.change(charge, charge.amount, 0n)
      this.#holds.settle(holdId)
    }
    return this.balances(charges)
  }

  draw({ holdId: given, expiresAt, draws }: BudgetDraw): boolean {
    const holdId = toStorableText(given)
    const before = this.#holds.findOpen(holdId)
    if (before === undefined) return false
    const lines = [...before]
    for (const { account, bucket, firstBucket, amount, held: wanted } of draws) {
      const name = toStorableText(account)
      const known = lines.findIndex(({ slot }) => toStorableText(slot.account) === name)
      const line = lines[known] ?? { slot: { account, bucket, firstBucket }, held: 0n, charged: 0n }
      const left = line.held + line.charged - amount
      const held = left < 0n ? 0n : left < wanted ? left : wanted
      this.#pots.change(line.slot, amount - line.charged, held - line.held)
      lines[known === -1 ? lines.length : known] = { slot: line.slot, held, charged: amount }
    }
    this.#holds.keep(holdId, expiresAt, lines)
    return true
  }

  bookExpired(before: number, limit: number): readonly BookedHold[] {
    return this.#holds.expired(before, rowLimit(limit)).map(({ holdId, lines }) => {
      for (const { slot, held } of lines) this.#pots.change(slot, held, -held)
      this.#holds.book(
        holdId,
        lines.map(({ slot, held, charged }) => ({ slot, held: 0n, charged: charged + held })),
      )
      return { holdId, claims: lines.map(({ slot, held }) => ({ ...slot, amount: held })) }
    })
  }

  balances(slots: readonly AccountSlot[]): readonly Balance[] {
    return slots.map((slot) => this.#pots.balance(slot))
  }

  prune(before: number): boolean {
    return this.#holds.prune(before)
  }
}
