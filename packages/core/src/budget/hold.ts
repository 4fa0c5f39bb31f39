import type { Budget } from '../ports/budget-book.ts'
import type { BudgetPot } from './accounts.ts'
import type { UnitAmounts } from './amounts.ts'

/** What one exchange has reserved. */
export class Hold {
  readonly holdId: string
  readonly pots: readonly BudgetPot[]
  /** Holds that were asked for beyond the first, granted or not: each may be there, or come yet. */
  readonly extensions: string[] = []
  /** `asking` while the book has not answered: a hold may be there, or come yet. */
  state: 'asking' | 'held' | 'refused' = 'asking'
  #reserved: UnitAmounts

  constructor(holdId: string, pots: readonly BudgetPot[], reserved: UnitAmounts) {
    this.holdId = holdId
    this.pots = pots
    this.#reserved = reserved
  }

  /** What is held in each unit. */
  get reserved(): UnitAmounts {
    return this.#reserved
  }

  covers(used: UnitAmounts): boolean {
    return this.pots.every(({ budget: { unit } }) => used[unit] <= this.#reserved[unit])
  }

  /**
   * What is missing and, for a reply that grows, a quarter of the reservation more, so that a long one does not ask at each frame. Each time under an id of its own, which is to be given back
   * in the end whatever the book answers: one that was given back once would be granted without anything being held.
   */
  extension(used: UnitAmounts, isGrowing: boolean): { readonly holdId: string; readonly amounts: UnitAmounts } {
    const missing = (unit: Budget['unit']): bigint =>
      used[unit] <= this.#reserved[unit] ? 0n : used[unit] - this.#reserved[unit] + (unit === 'requests' || !isGrowing ? 0n : this.#reserved[unit] / 4n)
    const holdId = `${this.holdId}+${this.extensions.length + 1}`
    this.extensions.push(holdId)
    return {
      holdId,
      amounts: { 'nano-usd': missing('nano-usd'), tokens: missing('tokens'), requests: missing('requests') },
    }
  }

  extended(more: UnitAmounts): void {
    const sum = (unit: Budget['unit']): bigint => this.#reserved[unit] + more[unit]
    this.#reserved = { 'nano-usd': sum('nano-usd'), tokens: sum('tokens'), requests: sum('requests') }
  }
}
