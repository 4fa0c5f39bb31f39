import { budgetPots, carrySlot, type BudgetPot } from '../budget/accounts.ts'
import { amountsOf } from '../budget/amounts.ts'
import { partOf } from '../budget/status.ts'
import { spendFacts } from '../budget/spend-facts.ts'
import { budgetIndex, type BudgetIndex } from '../budget/subjects.ts'
import type { Cost } from '../meter/price.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { AccountSlot, Budget } from '../ports/budget-book.ts'
import type { LedgerEntry } from '../ports/ledger.ts'

/** Whom a budget would have stopped. */
export interface BlockedSpend {
  readonly budget: string
  /** Budget id, and after a slash whose pot it is. */
  readonly account: string
  /** When it would have refused for the first and the last time, milliseconds since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
  readonly exchanges: number
  readonly sessions: number
  /** What the refused exchanges had cost. */
  readonly costNanoUsd: bigint
}

/** A threshold that would have been told of. */
export interface PassedThreshold {
  readonly budget: string
  readonly account: string
  readonly percent: number
  readonly at: number
}

/** Follows budgets over settled exchanges, in the order that they began in. Exchanges are charged one after the other: what was under way at one time is not held. */
export class BudgetReplay {
  readonly #index: BudgetIndex
  readonly #spent = new Map<string, bigint>()
  readonly #buckets = new Map<string, number[]>()
  readonly #passed = new Map<string, PassedThreshold>()
  readonly #blocked = new Map<
    string,
    { first: number; last: number; exchanges: number; sessions: Set<string>; costNanoUsd: bigint; budget: string; account: string }
  >()

  constructor(budgets: readonly Budget[]) {
    this.#index = budgetIndex(budgets)
  }

  /** Charges an exchange. False where a budget would have refused it: then nothing is charged. */
  charge(entry: LedgerEntry, usage: UsageReport, cost: Cost): boolean {
    const { startedAt } = entry
    const facts = spendFacts(entry, entry.requestedModel)
    const pots = this.#index
      .covering(facts)
      .flatMap((budget) => budgetPots(budget, facts.developer, startedAt, this.#spentBefore(budget, facts.developer, startedAt)))
    const amounts = amountsOf({ usage, cost })
    const full = pots.find((pot) => pot.cap !== undefined && this.#spentIn(pot) + amounts[pot.budget.unit] > pot.cap)
    if (full !== undefined) {
      this.#block(full, entry, cost)
      return false
    }
    for (const pot of pots) this.#add(pot, amounts[pot.budget.unit], startedAt)
    return true
  }

  get blocked(): readonly BlockedSpend[] {
    return [...this.#blocked.values()].map(({ first, last, sessions, ...rest }) => ({ ...rest, firstAt: first, lastAt: last, sessions: sessions.size }))
  }

  /** In the order that they would have been told in. */
  get thresholds(): readonly PassedThreshold[] {
    return [...this.#passed.values()]
  }

  #spentBefore(budget: Budget, developer: string | undefined, at: number): bigint | undefined {
    const account = budget.sharing === 'pool' ? budget.id : `${budget.id}/${developer ?? ''}`
    const slot = carrySlot(budget, account, at)
    return slot && this.#spentIn(slot)
  }

  #spentIn({ account, bucket, firstBucket }: AccountSlot): bigint {
    let sum = 0n
    for (const known of this.#buckets.get(account) ?? []) if (known >= firstBucket && known <= bucket) sum += this.#spent.get(`${known} ${account}`) ?? 0n
    return sum
  }

  #add(pot: BudgetPot, amount: bigint, at: number): void {
    const { account, bucket, budget } = pot
    const key = `${bucket} ${account}`
    const before = this.#spent.get(key)
    if (before === undefined) this.#buckets.set(account, [...(this.#buckets.get(account) ?? []), bucket])
    this.#spent.set(key, (before ?? 0n) + amount)
    const percentUsed = partOf(this.#spentIn(pot), pot.amount) * 100
    for (const percent of budget.thresholds) {
      const told = `${key} ${percent}`
      if (percentUsed >= percent && !this.#passed.has(told)) this.#passed.set(told, { budget: budget.id, account, percent, at })
    }
  }

  #block({ account, budget }: BudgetPot, { startedAt, attribution }: LedgerEntry, cost: Cost): void {
    let blocked = this.#blocked.get(account)
    if (blocked === undefined) {
      blocked = { budget: budget.id, account, first: startedAt, last: startedAt, exchanges: 0, sessions: new Set(), costNanoUsd: 0n }
      this.#blocked.set(account, blocked)
    }
    blocked.last = startedAt
    blocked.exchanges += 1
    blocked.costNanoUsd += cost.nanoUsd
    if (attribution.session !== undefined) blocked.sessions.add(attribution.session.value)
  }
}
