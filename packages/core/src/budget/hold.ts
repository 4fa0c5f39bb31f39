import type { Budget } from '../ports/budget-book.ts'
import type { BudgetPot } from './accounts.ts'
import type { UnitAmounts } from './amounts.ts'

/** What one exchange has reserved. */
export class Hold {
  readonly holdId: string
  readonly pots: readonly BudgetPot[]
  readonly extensions: string[] = []
  /** `asking` until the book has answered: a hold may be there, or come yet. */
  state: 'asking' | 'held' | 'refused' = 'asking'
  #reserved: UnitAmounts

  constructor(holdId: string, pots: readonly BudgetPot[], reserved: UnitAmounts) {
    this.holdId = holdId
    this.pots = pots
    this.#reserved = reserved
  }

  covers(used: UnitAmounts): boolean {
    return this.pots.every(({ budget: { unit } }) => used[unit] <= this.#reserved[unit])
  }

  /** What is missing, and a quarter of the reservation more, so that a long reply does not ask at each frame. */
  extension(used: UnitAmounts): { readonly holdId: string; readonly amounts: UnitAmounts } {
    const missing = (unit: Budget['unit']): bigint =>
      used[unit] <= this.#reserved[unit] ? 0n : used[unit] - this.#reserved[unit] + (unit === 'requests' ? 0n : this.#reserved[unit] / 4n)
    return {
      holdId: `${this.holdId}+${this.extensions.length + 1}`,
      amounts: { 'nano-usd': missing('nano-usd'), tokens: missing('tokens'), requests: missing('requests') },
    }
  }

  extended(holdId: string, more: UnitAmounts): void {
    this.extensions.push(holdId)
    const sum = (unit: Budget['unit']): bigint => this.#reserved[unit] + more[unit]
    this.#reserved = { 'nano-usd': sum('nano-usd'), tokens: sum('tokens'), requests: sum('requests') }
  }
}
