import { ConfigurationError } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { BudgetBook } from '../ports/budget-book.ts'

/** Options of `leasedBudgetBook`. */
export interface LeasedBudgetBookOptions {
  /** The book that all instances share. */
  readonly book: BudgetBook
  readonly clock: Clock
  /** Unique for this instance and this start of it: ids of its leases begin with it. */
  readonly owner: string
  /** How long a lease lasts that nobody renews: after a crash it is booked then. @defaultValue 60_000 */
  readonly leaseMillis?: number
  /** The most that one lease takes, in percent of the cap. @defaultValue 1 */
  readonly leasePercent?: number
  /** Nothing is leased where less than so many of the largest leases is left below the cap: from there on the book is asked exactly. @defaultValue 10 */
  readonly nearLeases?: number
  /** Within this time what an instance leased and does not need is back, and what it charged is in the book. A refusal that others' leases may have caused waits so long. @defaultValue 500 */
  readonly returnMillis?: number
  /** An account is leased from so many reservations on within `returnMillis`. @defaultValue 4 */
  readonly hotClaims?: number
  /** A call of the book that takes longer has failed: it must not keep what stands behind it waiting for ever. @defaultValue 5_000 */
  readonly answerMillis?: number
  /** Exchanges whose end is remembered, so that an end that is told twice counts once. @defaultValue 100_000 */
  readonly maxEnded?: number
  /** Told when the book failed at giving back or renewing, which is tried again. */
  readonly onFailure?: (cause: unknown) => void
}

/** Defaults of {@link LeasedBudgetBookOptions}. */
export const defaultLeasedBudgetBookOptions: LeaseFigures = Object.freeze({
  leaseMillis: 60_000,
  leasePercent: 1,
  nearLeases: 10,
  returnMillis: 500,
  hotClaims: 4,
  answerMillis: 5_000,
  maxEnded: 100_000,
})

type NumericOption = 'leaseMillis' | 'leasePercent' | 'nearLeases' | 'returnMillis' | 'hotClaims' | 'answerMillis' | 'maxEnded'

/** The options that are figures, all of them. */
export type LeaseFigures = Required<Pick<LeasedBudgetBookOptions, NumericOption>>

/**
 * Fills in the defaults.
 *
 * @throws ConfigurationError for a figure that is not positive
 */
export function checkLeaseOptions(options: LeasedBudgetBookOptions): LeaseFigures {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const figures: LeaseFigures = { ...defaultLeasedBudgetBookOptions, ...given }
  for (const [option, value] of Object.entries(defaultLeasedBudgetBookOptions)) {
    const seen = figures[option as NumericOption]
    const isRight = option === 'hotClaims' || option === 'nearLeases' ? seen >= 0 && Number.isInteger(seen) : seen > 0
    if (!isRight) throw new ConfigurationError(`leasedBudgetBook.${option}`, `${seen} will not do. Use a positive number, such as ${value}.`)
  }
  return figures
}
