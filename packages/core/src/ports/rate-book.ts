import type { BudgetSubject } from './budget-book.ts'

/** Whom a limit is counted for: together, or one by one. */
export type RateEach = 'all' | 'key' | 'developer' | 'session'

/** What a limit counts. Input is fresh input: cache reads are free, as in the API's own limits. `concurrency` counts exchanges under way, `sessions` sessions that were active of late. */
export type RateUnit = 'requests' | 'fresh-input-tokens' | 'output-tokens' | 'nano-usd' | 'concurrency' | 'sessions'

/**
 * Where a limit is counted. `local`: in each process, so N replicas let through N times as much; `shared`: in the store, exact across replicas, one round trip each;
 * `leased`: in the store, taken in portions, so never more than the limit, and up to a portion per replica less.
 */
export type RateConsistency = 'local' | 'shared' | 'leased'

/** A limit as an administrator sets it. Plain data. */
export interface RateLimit {
  readonly id: string
  /** Named in refusals. */
  readonly name: string
  readonly subject: BudgetSubject
  readonly each: RateEach
  readonly unit: RateUnit
  /** So many per `perMillis`, and as many at once; of concurrency and sessions, so many at a time. */
  readonly amount: number
  /** @defaultValue 60_000. For `sessions`: how long a session counts after its last request. Without meaning for concurrency. */
  readonly perMillis: number
  readonly consistency: RateConsistency
  /** How long an exchange may wait in line for its turn before it is refused; 0 refuses at once. */
  readonly queueMillis: number
  readonly createdAt: number
  /** Counts changes; `define` compares it. */
  readonly version: number
}

/** Takes from a bucket that holds `capacity` at most and fills up at `capacity` per `perMillis`. A bucket that nobody has touched is full. */
export interface RateClaim {
  readonly bucket: string
  readonly amount: number
  readonly capacity: number
  readonly perMillis: number
}

/** How a bucket answered. */
export interface RateResult {
  readonly isAllowed: boolean
  /** What is left in the fullest sense: negative where the bucket is in debt. */
  readonly remaining: number
  /** Until as much as was asked for would be there, if nobody else came; 0 where it was allowed. Infinity where it never will be. */
  readonly retryAfterMillis: number
}

/** Takes a place among those who are there at once. */
export interface PlaceClaim {
  readonly room: string
  readonly holder: string
  readonly places: number
  /** The place is free again from this instant on, whoever crashed. */
  readonly expiresAt: number
}

/** Keeps rates and places. Every verb is atomic, also across processes. The contract is executable: `rateBookContract` of `@sluice/core/testing`. */
export interface RateBook {
  /** Takes from all buckets, or from none. Results in the order of the claims; two claims never name one bucket. `at` is milliseconds since the epoch; a clock that went back gives nothing. */
  readonly take: (claims: readonly RateClaim[], at: number) => Promise<readonly RateResult[]>
  /** Takes without asking, into debt if need be; a negative amount gives back, up to the capacity. */
  readonly charge: (claims: readonly RateClaim[], at: number) => Promise<void>
  /** Takes a place in every room, or in none. A holder that is there already stays, with the new expiry. Resolves with the index of the first full room, or undefined. */
  readonly enter: (claims: readonly PlaceClaim[], at: number) => Promise<number | undefined>
  /** Gives places back. Idempotent. */
  readonly leave: (places: readonly Pick<PlaceClaim, 'room' | 'holder'>[]) => Promise<void>
  /** Forgets full buckets and expired places that nobody has touched since this instant. */
  readonly prune: (before: number) => Promise<void>

  /** Keeps a limit, new (`version` 1) or changed (one more than what is kept). Resolves with false, and changes nothing, where the version does not follow. */
  readonly define: (limit: RateLimit) => Promise<boolean>
  /** Resolves with false where it is not there. */
  readonly remove: (id: string) => Promise<boolean>
  /** All limits, in order of their id. */
  readonly limits: () => Promise<readonly RateLimit[]>
}
