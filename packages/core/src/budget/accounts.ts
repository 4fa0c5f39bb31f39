import type { AccountSlot, Budget, BudgetBook, BudgetClaim } from '../ports/budget-book.ts'
import type { Clock } from '../host.ts'
import { windowAt, windowBefore, type WindowRange } from './windows.ts'

/** A pot that an exchange asks, at one instant. */
export interface BudgetPot extends AccountSlot {
  readonly budget: Budget
  /** Whose it is, where it is not everybody's. */
  readonly member?: string
  /** What 100 % is: with the raises in force, and with what was carried over. */
  readonly amount: bigint
  /** What nothing passes; absent where the budget only warns. */
  readonly cap?: bigint
  readonly window: WindowRange
}

/** So many percent of an amount, rounded down. Exact to the thousandth of a percent. */
export function percentOf(amount: bigint, percent: number): bigint {
  return (amount * BigInt(Math.round(percent * 1_000))) / 100_000n
}

/** The hard line of an amount: `hardPercent` of it, of a strict budget the amount itself. A budget that only warns has it, too, but lets through. */
export function hardCapOf(budget: Budget, amount: bigint): bigint {
  return budget.isStrict ? amount : percentOf(amount, budget.hardPercent)
}

/** Account of the pot that a member asks: the budget's own, or of `each` the member's. Spend whose developer is unknown shares one pot. */
export function accountOf(budget: Budget, member?: string): string {
  return budget.sharing === 'pool' ? budget.id : `${budget.id}/${member ?? ''}`
}

/** Where an account's last window is, if what it left over counts in this one. What a budget did not use before it existed is no saving. */
export function carrySlot(budget: Budget, account: string, at: number): AccountSlot | undefined {
  if (budget.carryOverPercent === undefined) return undefined
  const last = windowBefore(budget.window, at)
  if (last?.endsAt === undefined || last.endsAt <= budget.createdAt) return undefined
  return { account, bucket: last.bucket, firstBucket: last.firstBucket }
}

/**
 * What 100 % is at an instant: the amount, the raises in force, and of what the last window left of the amount as much as is carried over. Savings of earlier windows are not.
 * `spentBefore` is what the last window has spent; undefined where nothing carries over.
 */
export function effectiveAmount(budget: Budget, at: number, spentBefore?: bigint): bigint {
  let amount = budget.amount
  for (const raise of budget.raises) if (at < raise.until) amount += raise.amount
  if (spentBefore === undefined || budget.carryOverPercent === undefined || spentBefore >= budget.amount) return amount
  const left = budget.amount - spentBefore
  const most = percentOf(budget.amount, budget.carryOverPercent)
  return amount + (left < most ? left : most)
}

/**
 * The pots that an exchange of a developer asks of one budget: the pool or the developer's own, and where shares of a pool are limited the share as well, as a second pot
 * whose cap is the share itself. Pure: `spentBefore` is what the account's last window has spent, see {@link closedWindowSpend}.
 */
export function budgetPots(budget: Budget, developer: string | undefined, at: number, spentBefore?: bigint): readonly BudgetPot[] {
  const window = windowAt(budget.window, at)
  const { bucket, firstBucket } = window
  const amount = effectiveAmount(budget, at, spentBefore)
  const pot = (account: string, member: string | undefined, full: bigint, cap: bigint): BudgetPot => ({
    account,
    bucket,
    firstBucket,
    budget,
    ...(member !== undefined && { member }),
    amount: full,
    ...(budget.action !== 'warn' && { cap }),
    window,
  })
  const own = pot(accountOf(budget, developer), budget.sharing === 'each' ? (developer ?? '') : undefined, amount, hardCapOf(budget, amount))
  if (budget.sharing === 'each' || budget.maxSharePercent === undefined) return [own]
  const share = percentOf(amount, budget.maxSharePercent)
  return [own, pot(shareAccountOf(budget, developer), developer ?? '', share, share)]
}

/** Account of what a member took of a pool whose shares are limited. */
export function shareAccountOf(budget: Budget, member: string | undefined): string {
  return `${budget.id}/${member ?? ''}`
}

/** What an exchange asks of its pots, where it asks so much in each unit. */
export function potClaims(pots: readonly BudgetPot[], amounts: Readonly<Record<Budget['unit'], bigint>>): readonly BudgetClaim[] {
  return pots.map(({ account, bucket, firstBucket, budget, cap }) => ({
    account,
    bucket,
    firstBucket,
    amount: amounts[budget.unit],
    ...(cap !== undefined && { cap }),
  }))
}

/** Options of {@link closedWindowSpend}. */
export interface ClosedWindowSpendOptions {
  readonly book: Pick<BudgetBook, 'balances'>
  readonly clock: Clock
  /** How long a figure is used: exchanges that began in the last window settle in it yet. @defaultValue 60_000 */
  readonly freshMillis?: number
  /** Accounts that are remembered. @defaultValue 10_000 */
  readonly maxAccounts?: number
}

/** What the last window of an account has spent, where that matters; undefined where nothing carries over. Rejects as the book does. */
export type ClosedWindowSpend = (budget: Budget, account: string, at: number) => Promise<bigint | undefined>

/** Asks the book for what last windows have spent, and remembers it per account and bucket: a window that has closed hardly changes. Callers that ask at once ask once. */
export function closedWindowSpend(options: ClosedWindowSpendOptions): ClosedWindowSpend {
  const { book, clock, freshMillis = 60_000, maxAccounts = 10_000 } = options
  const known = new Map<string, { readonly spent: Promise<bigint>; readonly staleAt: number }>()
  return async (budget, account, at) => {
    const slot = carrySlot(budget, account, at)
    if (slot === undefined) return undefined
    const key = `${slot.bucket} ${account}`
    const remembered = known.get(key)
    if (remembered !== undefined && clock.now() < remembered.staleAt) return remembered.spent
    const spent = book.balances([slot]).then(([balance]) => balance?.spent ?? 0n)
    // Taken out first: the oldest go first, and this is the newest.
    known.delete(key)
    known.set(key, { spent, staleAt: clock.now() + freshMillis })
    for (const oldest of known.keys()) {
      if (known.size <= maxAccounts) break
      known.delete(oldest)
    }
    spent.catch(() => {
      if (known.get(key)?.spent === spent) known.delete(key)
    })
    return spent
  }
}
