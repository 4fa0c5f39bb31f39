import type { AccountSlot, Balance, BookedHold, Budget, BudgetClaim, BudgetDraw, BudgetSettlement, Reservation, ReservationResult } from '@sluice/core'

interface Hold {
  readonly claims: readonly BudgetClaim[]
  expiresAt: number
  /** What is still held, by account. */
  readonly held: Map<string, bigint>
  /** What this hold was charged so far. */
  charges: readonly Charge[]
  state: 'open' | 'booked' | 'settled'
  /** When it was booked or settled. */
  endedAt?: number
}

type Charge = Pick<AccountSlot, 'account' | 'bucket'> & { readonly amount: bigint }

/**
 * The arithmetic of a budget book, without a file and without time: the same calls in the same order always make the same sums.
 * None of them awaits anything, so each is atomic.
 */
export class BudgetSums {
  readonly #spent = new Map<string, Map<number, bigint>>()
  readonly #held = new Map<string, bigint>()
  readonly #holds = new Map<string, Hold>()
  readonly #told = new Set<string>()
  readonly #budgets = new Map<string, Budget>()

  reserve({ holdId, claims, expiresAt }: Reservation): ReservationResult {
    const isKnown = this.#holds.has(holdId)
    const refused = isKnown ? [] : claims.flatMap((claim, index) => (this.#hasRoom(claim) ? [] : [index]))
    const isGranted = refused.length === 0
    if (isGranted && !isKnown) {
      const hold: Hold = { claims, expiresAt, held: new Map(), charges: [], state: 'open' }
      this.#holds.set(holdId, hold)
      for (const { account, amount } of claims) this.#hold(hold, account, amount)
    }
    return { isGranted, balances: claims.map((claim) => this.balance(claim)), refused }
  }

  settle(settlements: readonly BudgetSettlement[], at: number): readonly (readonly Balance[])[] {
    return settlements.map((settlement) => this.#settleOne(settlement, at))
  }

  draw({ holdId, expiresAt, draws }: BudgetDraw): boolean {
    const hold = this.#holds.get(holdId)
    if (hold?.state !== 'open') return false
    hold.expiresAt = expiresAt
    for (const { account, bucket, amount, held } of draws) {
      const before = hold.charges.find((charge) => charge.account === account && charge.bucket === bucket)?.amount ?? 0n
      const rest = (hold.held.get(account) ?? 0n) - (amount - before)
      this.#hold(hold, account, held < rest ? held : rest > 0n ? rest : 0n)
    }
    const others = hold.charges.filter(({ account, bucket }) => !draws.some((draw) => draw.account === account && draw.bucket === bucket))
    this.#charge(hold, [...others, ...draws])
    return true
  }

  bookExpired(before: number, limit: number, at: number): readonly BookedHold[] {
    const expired = [...this.#holds].filter(([, { state, expiresAt }]) => state === 'open' && expiresAt < before)
    return expired
      .toSorted(([, one], [, other]) => one.expiresAt - other.expiresAt)
      .slice(0, limit)
      .map(([holdId, hold]) => {
        const claims = hold.claims.map((claim) => ({ ...claim, amount: hold.held.get(claim.account) ?? 0n }))
        this.#release(hold)
        this.#charge(hold, [...hold.charges, ...claims])
        Object.assign(hold, { state: 'booked', endedAt: at })
        return { holdId, claims }
      })
  }

  balance({ account, bucket, firstBucket }: AccountSlot): Balance {
    const buckets = [...(this.#spent.get(account) ?? [])]
    const inWindow = buckets.filter(([start]) => start >= firstBucket && start <= bucket)
    return { spent: inWindow.reduce((sum, [, amount]) => sum + amount, 0n), held: this.#held.get(account) ?? 0n }
  }

  claimThreshold(account: string, bucket: number, percent: number): boolean {
    const name = JSON.stringify([account, bucket, percent])
    const isFirst = !this.#told.has(name)
    this.#told.add(name)
    return isFirst
  }

  prune(before: number): void {
    for (const [holdId, { endedAt }] of this.#holds) if (endedAt !== undefined && endedAt < before) this.#holds.delete(holdId)
  }

  define(budget: Budget): boolean {
    const doesFollow = budget.version === (this.#budgets.get(budget.id)?.version ?? 0) + 1
    if (doesFollow) this.#budgets.set(budget.id, budget)
    return doesFollow
  }

  remove(id: string): boolean {
    return this.#budgets.delete(id)
  }

  budgets(): readonly Budget[] {
    return [...this.#budgets.values()]
  }

  #settleOne({ holdId, charges }: BudgetSettlement, at: number): readonly Balance[] {
    const hold: Hold = this.#holds.get(holdId) ?? { claims: [], expiresAt: at, held: new Map(), charges: [], state: 'open' }
    this.#holds.set(holdId, hold)
    if (hold.state !== 'settled') {
      this.#release(hold)
      this.#charge(hold, charges)
      Object.assign(hold, { state: 'settled', endedAt: at })
    }
    return charges.map((charge) => this.balance(charge))
  }

  #hasRoom(claim: BudgetClaim): boolean {
    const { spent, held } = this.balance(claim)
    return claim.cap === undefined || spent + held + claim.amount <= claim.cap
  }

  /** Makes a hold hold so much of an account. */
  #hold(hold: Hold, account: string, amount: bigint): void {
    this.#held.set(account, (this.#held.get(account) ?? 0n) + amount - (hold.held.get(account) ?? 0n))
    hold.held.set(account, amount)
  }

  #release(hold: Hold): void {
    for (const account of hold.held.keys()) this.#hold(hold, account, 0n)
  }

  /** Takes back what a hold was charged, and charges it this instead. */
  #charge(hold: Hold, charges: readonly Charge[]): void {
    for (const { account, bucket, amount } of hold.charges) this.#spend(account, bucket, -amount)
    for (const { account, bucket, amount } of charges) this.#spend(account, bucket, amount)
    hold.charges = charges.map(({ account, bucket, amount }) => ({ account, bucket, amount }))
  }

  #spend(account: string, bucket: number, amount: bigint): void {
    const buckets = this.#spent.get(account) ?? new Map<number, bigint>()
    this.#spent.set(account, buckets.set(bucket, (buckets.get(bucket) ?? 0n) + amount))
  }
}
