import { toStorableText } from '../ledger/storable.ts'
import type { Budget } from '../ports/budget-book.ts'

/** A budget as one line of JSON, for stores: amounts are decimal strings, since a JSON number would round them, and all text is storable (`toStorableText`). */
export function toBudgetJson(budget: Budget): string {
  return JSON.stringify(budget, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString()
    return typeof value === 'string' ? toStorableText(value) : value
  })
}

/** The budget that {@link toBudgetJson} made the text from. Trusts the text: it is for what this package wrote. */
export function parseBudgetJson(text: string): Budget {
  return JSON.parse(text, (key, value: unknown) => (key === 'amount' ? BigInt(String(value)) : value)) as Budget
}
