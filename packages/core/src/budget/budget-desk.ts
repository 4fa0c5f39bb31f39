import { GatewayError, type Fault } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { Balance, Budget, BudgetBook, BudgetCharge, ReservationResult } from '../ports/budget-book.ts'
import { accountOf, budgetPots, closedWindowSpend, potClaims, type BudgetPot, type ClosedWindowSpend } from './accounts.ts'
import { potStatus } from './pot-status.ts'
import type { BudgetStatus } from './status.ts'
import { budgetIndex, type BudgetIndex, type SpendFacts } from './subjects.ts'

/** Options of a {@link BudgetDesk}. */
export interface BudgetDeskOptions {
  readonly book: BudgetBook
  readonly clock: Clock
  readonly onFault: (fault: Fault) => void
  /** How long the list of budgets is used before it is read anew. */
  readonly refreshMillis: number
  /** A book that takes longer is out. */
  readonly answerMillis: number
}

/** What exchanges ask of their budgets: which cover them, whether there is room, how they stand. Keeps the list of budgets, and serves it on while the book is out. */
export class BudgetDesk {
  readonly #options: BudgetDeskOptions
  readonly #spentBefore: ClosedWindowSpend
  #index: BudgetIndex | undefined
  #readAt = -Infinity
  #reading: Promise<BudgetIndex> | undefined
  #isOut = false

  constructor(options: BudgetDeskOptions) {
    this.#options = options
    this.#spentBefore = closedWindowSpend(options)
  }

  /**
   * The pots that an exchange of these facts draws on, in the windows of an instant: that at which it began, by which reports count it too.
   * Rejects where the book is out and no list of budgets was ever read.
   */
  async pots(facts: SpendFacts, at: number): Promise<readonly BudgetPot[]> {
    const index = await this.#budgets(this.#options.clock.now())
    const covering = index.covering(facts)
    if (covering.length === 0) return []
    const pots = await Promise.all(covering.map(async (budget) => budgetPots(budget, facts.developer, at, await this.#carried(budget, facts, at))))
    return pots.flat()
  }

  /** How pots stand, asked of the book. */
  async statuses(pots: readonly BudgetPot[]): Promise<readonly BudgetStatus[]> {
    const balances = await this.#answered(() => this.#options.book.balances(pots))
    return pots.map((pot, index) => potStatus(pot, balances[index] as Balance))
  }

  /** Holds so much in every pot, or in none. */
  reserve(holdId: string, pots: readonly BudgetPot[], amounts: Readonly<Record<Budget['unit'], bigint>>, expiresAt: number): Promise<ReservationResult> {
    return this.#answered(() => this.#options.book.reserve({ holdId, claims: potClaims(pots, amounts), expiresAt }))
  }

  /** What the last window left over. Without an answer nothing is carried: the smaller limit is the safe one. */
  async #carried(budget: Budget, facts: SpendFacts, at: number): Promise<bigint | undefined> {
    if (budget.carryOverPercent === undefined) return undefined
    try {
      return await this.#answered(() => this.#spentBefore(budget, accountOf(budget, facts.developer), at))
    } catch {
      return undefined
    }
  }

  /**
   * The budgets, no older than `refreshMillis` while the book answers. From half that age on they are read anew in the background, so that only the first exchange
   * after a quiet while waits: whoever was idle must not pass by what was set meanwhile.
   */
  #budgets(at: number): BudgetIndex | Promise<BudgetIndex> {
    const index = this.#index
    if (index === undefined) return this.#read()
    const age = at - this.#readAt
    const { refreshMillis } = this.#options
    if (age >= 0 && age < refreshMillis / 2) return index
    const reading = this.#read().catch(() => index)
    return age >= 0 && age < refreshMillis ? index : reading
  }

  #read(): Promise<BudgetIndex> {
    const { book, clock } = this.#options
    const askedAt = clock.now()
    this.#reading ??= this.#answered(() => book.budgets())
      .then(
        (budgets) => {
          this.#readAt = askedAt
          return (this.#index = budgetIndex(budgets))
        },
        (cause: unknown) => {
          // A book that is out is left alone for a while.
          this.#readAt = clock.now()
          throw cause
        },
      )
      .finally(() => (this.#reading = undefined))
    return this.#reading
  }

  /** An answer of the book in time, and a fault at the first of several that fail. */
  async #answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const { clock, answerMillis, onFault } = this.#options
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(answerMillis, () => late.reject(new Error(`no answer within ${answerMillis} ms`)))
    try {
      const answer = await Promise.race([ask(), late.promise])
      if (this.#isOut) onFault({ code: 'budget-book-recovered', message: 'the budget book answers again', source: 'budget' })
      this.#isOut = false
      return answer
    } catch (cause) {
      if (!this.#isOut) onFault({ code: 'budget-book-failed', message: 'the budget book does not answer', source: 'budget', cause })
      this.#isOut = true
      throw cause
    } finally {
      cancel()
    }
  }
}

/** What a hold came to in each of its pots. */
export function chargesOf(pots: readonly BudgetPot[], amounts: Readonly<Record<Budget['unit'], bigint>>): readonly BudgetCharge[] {
  return pots.map(({ account, bucket, firstBucket, budget }) => ({ account, bucket, firstBucket, amount: amounts[budget.unit] }))
}

/** The answer where a budget cannot be asked and may not be passed by. */
export function budgetUnavailable(): GatewayError {
  return new GatewayError('budget-unavailable', 'The gateway cannot check its budgets at the moment, so it sends nothing. Try again in a moment.', {
    retryAfterSeconds: 5,
    shouldRetry: true,
  })
}
