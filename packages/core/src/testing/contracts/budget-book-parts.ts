import type { AccountSlot, Balance, BudgetBook, BudgetCharge, BudgetClaim, Reservation, ReservationResult } from '../../ports/budget-book.ts'

/** How many race where callers race. */
export const callers = 60

/** The day that cases charge, unless they say another. */
export const today: number = Date.UTC(2026, 10, 24)

const soon = today + 86_400_000

/** A day's window of an account. */
export function slot(account: string, bucket: number = today, firstBucket: number = bucket): AccountSlot {
  return { account, bucket, firstBucket }
}

export function claim(account: string, amount: bigint, cap?: bigint, where: AccountSlot = slot(account)): BudgetClaim {
  return { ...where, amount, ...(cap !== undefined && { cap }) }
}

export function charge(account: string, amount: bigint, where: AccountSlot = slot(account)): BudgetCharge {
  return { ...where, amount }
}

export function reservation(holdId: string, claims: readonly BudgetClaim[], expiresAt: number = soon): Reservation {
  return { holdId, claims, expiresAt }
}

/** Reserves in one account. */
export function reserveOne(book: BudgetBook, holdId: string, amount: bigint, cap?: bigint, account: string = 'team'): Promise<ReservationResult> {
  return book.reserve(reservation(holdId, [claim(account, amount, cap)]))
}

/** Settles one hold. */
export async function settleOne(book: BudgetBook, holdId: string, ...charges: readonly BudgetCharge[]): Promise<readonly Balance[]> {
  const [balances = []] = await book.settle([{ holdId, charges }])
  return balances
}

/** `[spent, held]` of each slot. */
export async function figures(book: BudgetBook, ...slots: readonly (AccountSlot | string)[]): Promise<readonly (readonly [bigint, bigint])[]> {
  const balances = await book.balances(slots.map((where) => (typeof where === 'string' ? slot(where) : where)))
  return balances.map(({ spent, held }) => [spent, held])
}

/** `count` results, in order. */
export function times<Result>(count: number, make: (index: number) => Result): Result[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
