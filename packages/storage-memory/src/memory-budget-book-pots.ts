import type { AccountSlot, Balance, BookedHold, BudgetCharge, BudgetDraw, BudgetSettlement, Clock, Reservation, ReservationResult } from '@sluice/core'
import { toStorableText } from '@sluice/core/ledger'

/** What is spent of an account, by bucket, and what all holds of it come to. */
interface Pot {
  held: bigint
  readonly spent: Map<number, bigint>
}

/** A hold's part of one account, and what it has charged there. */
interface Line {
  readonly slot: AccountSlot
  held: bigint
  charged: bigint
}

interface Hold {
  state: 'open' | 'booked' | 'settled'
  expiresAt: number
  /** Undefined while it is open. */
  endedAt?: number
  lines: Line[]
}

/** The arithmetic of holds and charges. Synchronous: a verb is done when it returns. */
export class BudgetPots {
  readonly #clock: Clock
  readonly #pots = new Map<string, Pot>()
  readonly #holds = new Map<string, Hold>()
  /** Those of the holds that may expire yet. */
  readonly #open = new Map<string, Hold>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  reserve({ holdId, claims, expiresAt }: Reservation): ReservationResult {
    const id = toStorableText(holdId)
    const refused: number[] = []
    if (!this.#holds.has(id)) {
      for (const [index, claim] of claims.entries()) {
        const { spent, held } = this.balance(claim)
        if (claim.cap !== undefined && spent + held + claim.amount > claim.cap) refused.push(index)
      }
      if (refused.length === 0) {
        const lines = claims.map(({ account, bucket, firstBucket, amount }) => ({ slot: { account, bucket, firstBucket }, held: amount, charged: 0n }))
        const hold: Hold = { state: 'open', expiresAt, lines }
        for (const { slot, held } of lines) this.#pot(slot.account).held += held
        this.#holds.set(id, hold)
        this.#open.set(id, hold)
      }
    }
    return { isGranted: refused.length === 0, balances: claims.map((claim) => this.balance(claim)), refused }
  }

  settle({ holdId, charges }: BudgetSettlement): readonly Balance[] {
    const id = toStorableText(holdId)
    const hold: Hold = this.#holds.get(id) ?? { state: 'open', expiresAt: 0, lines: [] }
    if (hold.state !== 'settled') {
      for (const line of hold.lines) this.#change(line, 0n, 0n)
      hold.lines = charges.map(({ account, bucket, firstBucket }) => ({ slot: { account, bucket, firstBucket }, held: 0n, charged: 0n }))
      for (const [index, { amount }] of charges.entries()) this.#change(hold.lines[index] as Line, amount, 0n)
      this.#holds.set(id, hold)
      this.#end(id, hold, 'settled')
    }
    return charges.map((charge) => this.balance(charge))
  }

  draw({ holdId, expiresAt, draws }: BudgetDraw): boolean {
    const hold = this.#open.get(toStorableText(holdId))
    if (hold === undefined) return false
    hold.expiresAt = expiresAt
    for (const draw of draws) {
      const line = lineOf(hold, draw)
      const left = line.held + line.charged - draw.amount
      this.#change(line, draw.amount, left < 0n ? 0n : left < draw.held ? left : draw.held)
    }
    return true
  }

  bookExpired(before: number, limit: number): readonly BookedHold[] {
    const expired = [...this.#open].filter(([, { expiresAt }]) => expiresAt < before).toSorted(([, left], [, right]) => left.expiresAt - right.expiresAt)
    return expired.slice(0, limit).map(([holdId, hold]) => {
      const claims = hold.lines.map(({ slot, held }) => ({ ...slot, amount: held }))
      for (const line of hold.lines) this.#change(line, line.charged + line.held, 0n)
      this.#end(holdId, hold, 'booked')
      return { holdId, claims }
    })
  }

  balance({ account, bucket, firstBucket }: AccountSlot): Balance {
    const pot = this.#pots.get(toStorableText(account))
    if (pot === undefined) return { spent: 0n, held: 0n }
    let spent = 0n
    if (firstBucket === bucket) spent = pot.spent.get(bucket) ?? 0n
    else for (const [start, amount] of pot.spent) if (start >= firstBucket && start <= bucket) spent += amount
    return { spent, held: pot.held }
  }

  prune(before: number): void {
    for (const [id, { endedAt }] of this.#holds) if (endedAt !== undefined && endedAt < before) this.#holds.delete(id)
  }

  #pot(account: string): Pot {
    const name = toStorableText(account)
    let pot = this.#pots.get(name)
    if (pot === undefined) this.#pots.set(name, (pot = { held: 0n, spent: new Map() }))
    return pot
  }

  /** Makes a line hold and charge so much, and its pot with it. */
  #change(line: Line, charged: bigint, held: bigint): void {
    const { account, bucket } = line.slot
    const pot = this.#pot(account)
    pot.held += held - line.held
    if (charged !== line.charged) pot.spent.set(bucket, (pot.spent.get(bucket) ?? 0n) + charged - line.charged)
    line.held = held
    line.charged = charged
  }

  #end(id: string, hold: Hold, state: 'booked' | 'settled'): void {
    hold.state = state
    hold.endedAt = this.#clock.now()
    this.#open.delete(id)
  }
}

/** The line of a hold that a draw goes to: that of its account; a new one where the hold has none. */
function lineOf(hold: Hold, { account, bucket, firstBucket }: BudgetCharge): Line {
  const known = hold.lines.find(({ slot }) => slot.account === account)
  if (known !== undefined) return known
  const line: Line = { slot: { account, bucket, firstBucket }, held: 0n, charged: 0n }
  hold.lines.push(line)
  return line
}
